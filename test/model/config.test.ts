import { expect, test } from "vitest";
import { type ModelConfig, presetNamed, presets, validateConfig } from "../../src/model/config.ts";
import { configGrid } from "./configs.ts";

const refused = (change: Record<string, unknown>) => () =>
  validateConfig({ ...presets.original, ...change } as ModelConfig);

test("every preset and every tiny architecture is a possible config, and comes back unchanged", () => {
  for (const config of configGrid()) expect(validateConfig(config)).toBe(config);
});

test("an impossible config is refused with the field, its value and the rule", () => {
  expect(refused({ nLayers: 1.5 })).toThrow("config.nLayers: must be a whole number, 0 to 128; got 1.5.");
  expect(refused({ dModel: Number.NaN })).toThrow(
    "config.dModel: must be a whole number, 1 to 16384; got NaN.",
  );
  expect(refused({ dVocab: 1 })).toThrow("config.dVocab: must be a whole number, 2 to 262144; got 1.");
  expect(refused({ nCtx: undefined })).toThrow(
    "config.nCtx: must be a whole number, 1 to 32768; got undefined.",
  );
  expect(refused({ causal: "yes" })).toThrow("config.causal: must be true or false; got yes.");
  expect(refused({ eps: 0 })).toThrow("config.eps: must be a number above 0, at most 1; got 0.");
  expect(refused({ eps: Number.NaN })).toThrow("config.eps");
  expect(refused({ actFn: "gelo" })).toThrow(
    'config.actFn: no such name among relu, gelu; got "gelo". Nearest: "gelu".',
  );
  expect(refused({ dmodel: 8 })).toThrow(
    'model config: no such name among 18 known; got "dmodel". Nearest: "dModel".',
  );
  expect(refused({ attnOnly: true, mlpOnly: true })).toThrow(
    "model config: attnOnly and mlpOnly together leave blocks with nothing in them.",
  );
  expect(refused({ attention: "parameterFree", dHead: 7 })).toThrow(
    "so dModel must be nHeads × dHead; got 16 and 2 × 7. Set dModel to 14",
  );
});

test("a preset is found by its name, a misspelt name by its neighbour", () => {
  expect(presetNamed("original-minigpt")).toMatchObject({ attention: "parameterFree", causal: true });
  expect(() => presetNamed("orginal")).toThrow('Nearest: "original".');
  expect(() => presetNamed("toString")).toThrow("preset: no such name");
});
