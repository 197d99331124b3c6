import { expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import { fromOriginal, type StateTensor } from "../../src/model/original.ts";
import { modelCount } from "../../src/model/weights.ts";

/** A tensor whose element [i, j] is serial + 1000 i + j: where a number lands tells where it came from. */
function coded(serial: number, ...shape: number[]): StateTensor {
  const [rows, columns] = shape.length === 2 ? shape : [1, shape[0]];
  const data = Array.from({ length: rows * columns }, (_, at) => {
    return serial + 1000 * Math.floor(at / columns) + (at % columns);
  });
  return { shape, data };
}

/** The tensors of the original study's network, with its names and shapes. */
function stateDict(): Record<string, StateTensor> {
  const dict: Record<string, StateTensor> = {};
  let serial = 0;
  const put = (name: string, ...shape: number[]) => {
    serial += 1e6;
    dict[name] = coded(serial, ...shape);
  };
  put("token_embed.weight", 10, 16);
  put("pos_embed.weight", 8, 16);
  for (const layer of [0, 1]) {
    for (const letter of "QKVO") {
      put(`layers.${layer}.attn.W_${letter}.weight`, 16, 16);
      put(`layers.${layer}.attn.W_${letter}.bias`, 16);
    }
    for (const norm of ["norm1", "norm2"]) {
      put(`layers.${layer}.${norm}.weight`, 16);
      put(`layers.${layer}.${norm}.bias`, 16);
    }
    put(`layers.${layer}.ff.0.weight`, 64, 16);
    put(`layers.${layer}.ff.0.bias`, 64);
    put(`layers.${layer}.ff.2.weight`, 16, 64);
    put(`layers.${layer}.ff.2.bias`, 16);
  }
  put("output.weight", 10, 16);
  put("output.bias", 10);
  return dict;
}

test("every number of a state dict lands where the mathematics wants it", () => {
  const dict = stateDict();
  const ours = fromOriginal(dict);
  expect(modelCount(presets.original, ours)).toBe(1);
  const serial = (name: string) => dict[name].data[0];
  // a Linear computes x · weightᵀ: element [out, in] there multiplies input `in` towards output `out`
  for (const letter of "QKV") {
    const from = serial(`layers.1.attn.W_${letter}.weight`);
    const places = [
      [0, 3, 5],
      [1, 15, 0],
      [1, 2, 7],
    ];
    for (const [head, unit, d] of places)
      expect(ours[`blocks.1.attn.W_${letter}`][(head * 16 + unit) * 8 + d]).toBe(
        from + 1000 * (head * 8 + d) + unit,
      );
    const bias = serial(`layers.1.attn.W_${letter}.bias`);
    expect(ours[`blocks.1.attn.b_${letter}`][8 + 3]).toBe(bias + 11);
  }
  expect(ours["blocks.0.attn.W_O"][(8 + 2) * 16 + 4]).toBe(serial("layers.0.attn.W_O.weight") + 4000 + 10);
  expect(ours["blocks.0.mlp.W_in"][3 * 64 + 40]).toBe(serial("layers.0.ff.0.weight") + 40000 + 3);
  expect(ours["blocks.0.mlp.W_out"][40 * 16 + 3]).toBe(serial("layers.0.ff.2.weight") + 3000 + 40);
  expect(ours["unembed.W_U"][12 * 10 + 7]).toBe(serial("output.weight") + 7000 + 12);
  expect(ours["embed.W_E"][7 * 16 + 12]).toBe(serial("token_embed.weight") + 7000 + 12);
  expect(ours["pos_embed.W_pos"][5 * 16 + 1]).toBe(serial("pos_embed.weight") + 5000 + 1);
  for (const [mine, theirs] of [
    ["blocks.0.ln1.w", "layers.0.norm1.weight"],
    ["blocks.1.ln2.b", "layers.1.norm2.bias"],
    ["blocks.0.attn.b_O", "layers.0.attn.W_O.bias"],
    ["blocks.1.mlp.b_in", "layers.1.ff.0.bias"],
    ["blocks.1.mlp.b_out", "layers.1.ff.2.bias"],
    ["unembed.b_U", "output.bias"],
  ])
    expect([...ours[mine]]).toEqual(dict[theirs].data);
  // nothing is lost and nothing is doubled
  const sorted = (lists: ArrayLike<number>[]) =>
    lists.flatMap((list) => Array.from(list)).sort((a, b) => a - b);
  expect(sorted(Object.values(ours))).toEqual(sorted(Object.values(dict).map((tensor) => tensor.data)));
});

test("a damaged state dict is refused with the tensor and the fault", () => {
  const broken = (name: string, tensor: unknown) => () =>
    fromOriginal({ ...stateDict(), [name]: tensor as StateTensor });
  const name = "layers.1.ff.0.weight";
  expect(broken(name, undefined)).toThrow(`state dict, "${name}": must be there`);
  expect(broken(name, coded(0, 16, 64))).toThrow(`"${name}": must have shape [64 16]; got [16 64].`);
  expect(broken(name, { data: [1] })).toThrow("must have shape [64 16]; got [].");
  expect(broken(name, { shape: [64, 16], data: [1, 2] })).toThrow("must hold 1024 values; got 2.");
  expect(broken(name, { shape: [64, 16] })).toThrow("must hold 1024 values; got no data.");
  const holed = { shape: [10], data: [0, 1, 2, Number.NaN, 4, 5, 6, 7, 8, 9] };
  expect(broken("output.bias", holed)).toThrow("must hold finite numbers; got NaN at index 3.");
  expect(broken("layers.2.ff.0.weight", coded(0, 64, 16))).toThrow('got "layers.2.ff.0.weight". Nearest:');
});
