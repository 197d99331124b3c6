import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { presets } from "../../src/model/config.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { ends, frozenBody } from "../../src/studies/emergence/arms.ts";
import type { EmergenceTold } from "../../src/studies/emergence/conclude.ts";
import { type DictionaryNumbers, frozenParts, subjects } from "../../src/studies/emergence/dictionaries.ts";
import { emergence } from "../../src/studies/emergence/index.ts";
import { decide } from "../../src/studies/protocol/rule.ts";

const SEEDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const size = { seeds: SEEDS, quick: true };
const wiggle = (seed: number) => 0.001 * Math.sin(seed); // seeds differ, or no interval has a width

/** Heads of two layers of four; in layer 1 head `winner` ends as an induction head. */
const headsOf = (seed: number, initial: number[], winner: number, final: number): EmergenceTold => {
  const blank = [0, 0, 0, 0].map((_, i) => wiggle(seed + i));
  const last = blank.map((value, head) => (head === winner ? final : value));
  return {
    ...{ kind: "induction", steps: [0, 64, 128], heads: 4, divergedAt: null },
    scores: [
      [...blank, ...initial],
      [...blank, ...blank],
      [...blank, ...last],
    ],
    losses: [3, 2, 1],
  };
};

const numbersOf = (seed: number, entropy: number): DictionaryNumbers => ({
  ...{ fvu: 0.1 + wiggle(seed), l0: 10, dead: 0, token: 0.2 + wiggle(seed + 1) },
  ...{ context: 0.1 + wiggle(seed + 2), entropy: entropy + wiggle(seed + 3) },
});

function planted({ winner, entropy, gain }: { winner: number; entropy: number; gain: number }) {
  const dictionaries = SEEDS.map((seed): EmergenceTold => {
    const of = (subject: string) =>
      Object.fromEntries(
        frozenParts.map((part) => [part, [numbersOf(seed, subject === "trained" ? entropy : 0.3)]]),
      );
    const numbers = Object.fromEntries(subjects.map((subject) => [subject, of(subject)]));
    return { kind: "dictionaries", numbers, divergedAt: null } as unknown as EmergenceTold;
  });
  const embeddings = SEEDS.map(
    (seed): EmergenceTold => ({
      ...{ kind: "embeddings", untrained: 2, whole: 1, divergedAt: null },
      endsOnly: 2 - gain + wiggle(seed),
    }),
  );
  const told = new Map<string, EmergenceTold[]>([
    ["induction", SEEDS.map((seed) => headsOf(seed, [0.01, 0.04, 0.02, 0.03], winner, 0.97 + wiggle(seed)))],
    ["autoencoders", dictionaries],
    ...[16, 64, 128].map((width): [string, EmergenceTold[]] => [`embeddings ${width}`, embeddings]),
  ]);
  const { outcomes } = emergence.conclude(told, size);
  const verdicts = Object.fromEntries(
    emergence.plan.rules.map((rule) => [rule.about, decide(rule, outcomes).verdict]),
  );
  return { outcomes, verdicts };
}

test("heads that are uniform at first and match prefixes at the end were not there; the best of its layer may still win", () => {
  const { verdicts, outcomes } = planted({ winner: 1, entropy: 0.6, gain: 0.7 });
  expect(verdicts).toEqual({
    ...{ circuits: "refuted", winner: "supported", representations: "supported", abstractness: "supported" },
    "random body": "supported",
  });
  const of = (name: string) => outcomes.find((outcome) => outcome.name === name)?.estimate;
  expect(of("emergence step")).toBe(128);
  expect(of("winner predicted")).toBe(1);
  expect(of("entropy difference")).toBeCloseTo(0.3, 12);
  expect(of("embeddings 64")).toBeCloseTo(0.7, 2);
});

test("the opposite case gives the opposite verdicts", () => {
  const { verdicts } = planted({ winner: 0, entropy: 0.3, gain: 0.2 });
  expect(verdicts).toEqual({
    ...{ circuits: "refuted", winner: "refuted", representations: "supported", abstractness: "refuted" },
    "random body": "refuted",
  });
});

test("a network that diverged has no numbers and is counted in a note", () => {
  const bad = { ...headsOf(0, [0, 0, 0, 0], 0, 0.9), divergedAt: 3 } as EmergenceTold;
  const told = new Map([
    ["induction", [bad, headsOf(1, [0, 0, 0, 0.1], 3, 0.9), headsOf(2, [0, 0, 0, 0.1], 3, 0.9)]],
  ]);
  const { outcomes, notes } = emergence.conclude(told, size);
  expect(outcomes.find(({ name }) => name === "winner predicted")?.seeds).toBe(2);
  expect(notes.join(" ")).toMatch(/1 of the networks diverged/);
});

test("all but the ends is frozen", () => {
  const frozen = frozenBody(presets.causal);
  expect([...Object.keys(frozen), ...ends].sort()).toEqual([...weightShapes(presets.causal).keys()].sort());
  expect(new Set(Object.values(frozen))).toEqual(new Set([0]));
});

test("how seeds are cut into jobs changes no bit", async () => {
  const [arm] = emergence
    .arms({ seeds: [0, 1, 2], quick: true })
    .filter(({ name }) => name === "embeddings 16");
  const context = { backend: wasmBackend(), progress: () => {} };
  const together = await emergence.measure(arm, [0, 1, 2], context);
  expect([
    ...(await emergence.measure(arm, [0], context)),
    ...(await emergence.measure(arm, [1, 2], context)),
  ]).toEqual(together);
});
