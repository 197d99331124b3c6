import { describe } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { describeBackend } from "./suite.ts";

/**
 * float32: unit roundoff 6e-8. A result is within a few dozen roundings of float64, relative to what may cancel in it;
 * the polynomials of exp, log, tanh and erf add a few more.
 */
const FLOAT32 = { relative: 4e-6, absolute: 1e-37 };

describe.each(["lanes", "single"] as const)("layout %s", (layout) => {
  describeBackend(wasmBackend({ layout }), FLOAT32);
});
