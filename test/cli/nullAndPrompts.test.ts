/** The null of a pretrained model in parts, and prompts of masked language models. */
import { expect, test } from "vitest";
import type { AblateChoice } from "../../src/cli/inspect/ablate.ts";
import type { Subject } from "../../src/cli/inspect/inspected.ts";
import { type Given, readGiven } from "../../src/cli/inspect/prompts.ts";
import { nullText, openNull, weightCount } from "../../src/cli/inspect/verb.ts";
import type { Tokenizer } from "../../src/data/tokenizerTypes.ts";
import type { Network } from "../../src/interp/index.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";

/** One token a letter; `?` is the mask. */
const tokenizer: Tokenizer = {
  encode: (text) => {
    const tokens = [...text];
    return { ids: tokens.map((letter) => letter.charCodeAt(0) % 100), tokens, offsets: null };
  },
  decode: (ids) => Array.from(ids, (id) => String.fromCharCode(id)).join(""),
  tokenText: (id) => String.fromCharCode(id),
  size: 100,
  special: new Map(),
  roles: { mask: "?".charCodeAt(0) },
  json: {},
};

function subjectOf(config: ModelConfig): Subject {
  return {
    ...{ name: "some", config, init: null, step: null, seeds: [0], run: null },
    pretrained: {
      ...{ family: "bert", processing: [], tokenizer, initStd: 0.02, nullKind: "random" as const },
      original: config,
    },
  };
}

const wide: ModelConfig = { ...presets.gpt, dModel: 1024, dHead: 512, dMlp: 4096, dVocab: 30_000 };
const tiny: ModelConfig = { ...presets.gpt, dVocab: 100 };

test("networks of a large null are measured one after the other, and come out as one table", async () => {
  expect(weightCount(wide)).toBeGreaterThan(2 ** 26); // more than is held at one time
  const drawn: [number, number][] = [];
  const inspection = {
    ...{ subject: subjectOf(wide), network: {} as Network, draws: 3 },
    draw: async (first: number, count: number) => {
      drawn.push([first, count]);
      return { models: count, version: first } as Network;
    },
  };
  const found = await openNull(inspection)?.measured(async ({ models, version }) => ({
    ...{ models, cells: 2, rows: 1, values: [10 * version, 10 * version + 1] },
  }));
  expect(drawn).toEqual([
    [0, 1],
    [1, 1],
    [2, 1],
  ]);
  expect(found).toEqual({ models: 3, cells: 2, rows: 1, values: Float64Array.from([0, 1, 10, 11, 20, 21]) });
});

test("a large model has no null unless it is asked for, a small one has, and the text says which", () => {
  const inspection = (config: ModelConfig) => ({
    ...{ subject: subjectOf(config), network: {} as Network, draws: null },
    draw: async () => ({}) as Network,
  });
  expect(openNull(inspection(wide))).toBe(null);
  expect(openNull(inspection(tiny))?.models).toBe(199);
  const told = (config: ModelConfig, models: number | null) =>
    nullText(subjectOf(config), models === null ? null : { models, measured: async () => ({}) as never }, {
      list: false,
    });
  expect(told(wide, null)).toMatch(/A model of [\d,]+ weights has one only if --draws asks for it; 19/);
  expect(told(tiny, null)).toBe("Without a null (--draws 0): nothing here says what chance would give.");
  expect(told(tiny, 18)).toContain("fewer than 19 cannot mark anything at 0.05");
  expect(told(tiny, 19)).toContain("beyond 19 random networks");
});

const asked: Given<AblateChoice> = {
  ...{ tokens: ["ab?c", "x?yz"], task: null, sequences: null, how: "zero", approximate: false },
  ...{ metric: null, answer: "a", wrong: null, position: null, by: ["layer"], sites: [], top: 5 },
};
const encoder: ModelConfig = { ...tiny, causal: false };

test("a masked language model is asked at its mask, where all texts have it at one place", () => {
  const subject = subjectOf(encoder);
  const read = (tokens: string[]) => readGiven<AblateChoice>({ ...asked, tokens }, subject).position;
  expect(read(["a?bc", "x?yz"])).toBe(1);
  expect(read(["ab?c", "x?yz"])).toBe(null);
  expect(read(["a?b?"])).toBe(null);
  expect(read(["abcd"])).toBe(null);
  expect(readGiven<AblateChoice>({ ...asked, position: "last" }, subject).position).toBe("last");
});

test("a masked language model is asked for its answer's probability, and for no loss of next tokens", () => {
  const metric = (config: ModelConfig, answer: string | null) =>
    readGiven<AblateChoice>({ ...asked, answer }, subjectOf(config)).metric;
  expect([metric(encoder, "a"), metric(encoder, null), metric(tiny, "a")]).toEqual(["prob", "kl", null]);
});
