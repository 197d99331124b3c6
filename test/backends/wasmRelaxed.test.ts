/** The relaxed kernels pass the suite of every backend; only their bits may differ from the exact ones'. */

import { setFlagsFromString } from "node:v8";
import { describe, expect, test } from "vitest";
import { kernelBytes, wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { train } from "../train/population.ts";
import { describeBackend } from "./suite.ts";

// Node 20 has relaxed SIMD behind this flag; later versions have it as it is and know the flag no more
if (Number(process.versions.node.split(".")[0]) < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");

/** As for the exact kernels: a fused multiply-add rounds once less. */
const FLOAT32 = { relative: 4e-6, absolute: 1e-37 };
/** Losses of order 1 after a dozen steps of training, in float32 on both sides. */
const LOSS = 1e-3;

const supported = WebAssembly.validate(kernelBytes("lanes", { relaxed: true }));

test("the relaxed kernels are other bytes than the exact ones", () => {
  expect(kernelBytes("lanes", { relaxed: true })).not.toEqual(kernelBytes("lanes"));
});

if (supported) {
  const [relaxed, single] = (["lanes", "single"] as const).map((layout) =>
    wasmBackend({ relaxed: true, layout }),
  );
  describe("layout lanes", () => describeBackend(relaxed, FLOAT32));
  describe("layout single", () => describeBackend(single, FLOAT32));

  test("relaxed training follows the exact, and a model's company still changes no bit", async () => {
    const members = [0, 1, 2, 3, 4].map((seed) => ({ seed }));
    const [ours, exact] = await inTurn([relaxed, wasmBackend()], async (backend) =>
      train(members, { backend }),
    );
    ours.losses.forEach((ofStep, step) => {
      ofStep.forEach((loss, model) => {
        expect(Math.abs(loss - exact.losses[step][model])).toBeLessThan(LOSS);
      });
    });
    for (const backend of [relaxed, single])
      expect((await train([members[4]], { backend })).hashes[0]).toBe(ours.hashes[4]);
  });
}
