import { onnxBackend } from "../../src/backends/onnx/index.ts";
import { describeBackend } from "./suite.ts";

/**
 * float32, unit roundoff 6e-8, as for `wasm`: sums in whatever order the matrix library takes, polynomials for exp, log,
 * tanh and erf. Ops that only move or choose numbers are exact. A vector of the library may span two models, so that
 * the last bits of one depend on how many there are.
 */
const FLOAT32 = { relative: 4e-6, absolute: 1e-37, dependsOnPopulation: true } as const;

describeBackend(await onnxBackend({ threads: 1 }), FLOAT32);
