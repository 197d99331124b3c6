import { test } from "vitest";
import { webgpuBackend } from "../../src/backends/webgpu/index.ts";
import { softwareGpu } from "./softwareGpu.ts";
import { describeBackend } from "./suite.ts";

/**
 * float32, unit roundoff 6e-8, as for `wasm`: sums in the order of the text, multiply and add in one rounding or two as
 * the card likes, and its own exp, log, sqrt and division, which may be a few units of the last place off.
 */
const FLOAT32 = { relative: 4e-6, absolute: 1e-37 };

const { gpu, reason } = await softwareGpu();

if (gpu === null) test.skip(`the webgpu backend: ${reason}`, () => {});
else describeBackend(webgpuBackend(gpu), FLOAT32);
