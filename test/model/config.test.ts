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
    "config.nCtx: must be a whole number, 1 to 1048576; got undefined.",
  );
  expect(refused({ causal: "yes" })).toThrow("config.causal: must be true or false; got yes.");
  expect(refused({ eps: 0 })).toThrow("config.eps: must be a number above 0, at most 1; got 0.");
  expect(refused({ eps: Number.NaN })).toThrow("config.eps");
  expect(refused({ actFn: "gelo" })).toThrow(
    'config.actFn: no such name among relu, gelu, gelu_new, silu; got "gelo". Nearest: "gelu".',
  );
  expect(refused({ dmodel: 8 })).toThrow(
    'model config: no such name among 28 known; got "dmodel". Nearest: "dModel".',
  );
  expect(refused({ attnOnly: true, mlpOnly: true })).toThrow(
    "model config: attnOnly and mlpOnly together leave blocks with nothing in them.",
  );
  expect(refused({ attention: "parameterFree", dHead: 7 })).toThrow(
    "so dModel must be nHeads × dHead; got 16 and 2 × 7. Set dModel to 14",
  );
});

test("choices that contradict each other are refused in one sentence", () => {
  const rotary = { positions: "rotary" };
  for (const [change, message] of [
    [
      { biases: ["qkv", "mpl"] },
      'config.biases: no such name among qkv, attnOut, mlp, norm, unembed; got "mpl".',
    ],
    [{ biases: "all" }, "config.biases: must be true or false; got all."],
    [{ normKind: "rms" }, 'config.normKind: no such name among layerNorm, rmsNorm; got "rms".'],
    [{ normKind: "rmsNorm", biases: ["norm"] }, "an RMS norm has no bias."],
    [{ gatedMlp: 1 }, "config.gatedMlp: must be true or false; got 1."],
    [{ gatedMlp: true, attnOnly: true }, "attnOnly leaves no MLP to gate."],
    [{ parallelBlocks: true }, "leaves no sum of one half to normalise after"],
    [{ parallelBlocks: true, normalization: "pre", mlpOnly: true }, "so a block needs both; got mlpOnly."],
    [{ nKeyValueHeads: 0 }, "config.nKeyValueHeads: must be a whole number, 1 to 256; got 0."],
    [{ nHeads: 6, nKeyValueHeads: 4 }, "nKeyValueHeads must divide nHeads; got 4 and 6."],
    [{ attention: "parameterFree", nKeyValueHeads: 1 }, "as many keys and values as queries; got 1 for 2."],
    [{ rotaryDim: 4 }, 'rotaryDim says how rotary positions turn; got positions "learned".'],
    [{ ...rotary, mlpOnly: true }, "which a model without attention has not; got mlpOnly."],
    [{ ...rotary, rotaryDim: 3 }, "rotaryDim must be even and at most dHead; got 3 of 8."],
    [{ ...rotary, rotaryDim: 10 }, "rotaryDim must be even and at most dHead; got 10 of 8."],
    [{ ...rotary, dHead: 7 }, "rotaryDim must be even and at most dHead; got 7 of 7."],
    [{ ...rotary, rotaryBase: 1 }, "config.rotaryBase: must be a finite number above 1; got 1."],
    [{ ...rotary, ropeScaling: { kind: "yarn", factor: 2 } }, 'among linear, llama3; got "yarn".'],
    [{ ...rotary, ropeScaling: { kind: "linear", factor: 0.5 } }, "config.ropeScaling.factor: must be"],
    [{ ...rotary, ropeScaling: { kind: "linear", factr: 2 } }, 'got "factr". Nearest: "factor".'],
    [
      {
        ...rotary,
        ropeScaling: { kind: "llama3", factor: 8, lowFreqFactor: 4, highFreqFactor: 1, originalCtx: 8 },
      },
      "highFreqFactor must be above lowFreqFactor, and both above 0; got 1 and 4.",
    ],
    [{ dSegments: -1 }, "config.dSegments: must be a whole number, 0 to 256; got -1."],
  ] as const)
    expect(refused(change), JSON.stringify(change)).toThrow(message);
});

test("a preset is found by its name, a misspelt name by its neighbour", () => {
  expect(presetNamed("original-minigpt")).toMatchObject({ attention: "parameterFree", causal: true });
  expect(() => presetNamed("orginal")).toThrow('Nearest: "original".');
  expect(() => presetNamed("toString")).toThrow("preset: no such name");
});
