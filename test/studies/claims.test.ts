import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import type { GroupBySeed, PresetBySeed } from "../../src/studies/persistence/analyse.ts";
import { type ClaimEvidence, decideClaims } from "../../src/studies/persistence/claims.ts";

const SEEDS = 30;

/** Thirty seeds around a mean. */
function around(mean: number, sd: number, key: string): Float64Array {
  const stream = randomStream("claims", key);
  return Float64Array.from({ length: SEEDS }, () => mean + sd * stream.normal());
}

interface Planted {
  kappa?: number;
  r?: number;
  nullR?: number;
  progress?: number;
  causal?: boolean;
  seeds?: number;
  /** Added to layer 0. */
  layerGap?: number;
  /** Added to token, by metric. */
  tokenGap?: Partial<Record<"maintained" | "kappa" | "r" | "varianceRatio", number>>;
}

function preset({
  kappa = 0.6,
  r = 0.8,
  nullR = 0,
  progress = 0.5,
  causal = true,
  seeds = SEEDS,
  layerGap = 0,
  tokenGap = {},
}: Planted): PresetBySeed {
  const groups = [0, 1].flatMap((layer) =>
    (["token", "position"] as const).map((kind): GroupBySeed => {
      const key = `${layer}${kind}`;
      const gap = (metric: keyof typeof tokenGap) =>
        (layer === 0 ? layerGap : 0) + (kind === "token" ? (tokenGap[metric] ?? 0) : 0);
      const none = new Float64Array(SEEDS);
      return {
        ...{
          layer,
          kind,
          tracked: new Float64Array(SEEDS).fill(5),
          nullShuffle: none,
          nullOtherInit: none,
          excess: none,
          ceilingR: none,
          preferred: none,
          preferredNull: none,
        },
        maintained: around(0.7 + gap("maintained"), 0.02, `m${key}`),
        kappa: around(kappa + gap("kappa"), 0.02, `k${key}`),
        r: around(r + gap("r"), 0.02, `r${key}`),
        nullR: around(nullR, 0.02, `n${key}`),
        varianceRatio: around(1 + gap("varianceRatio"), 0.02, `v${key}`),
      };
    }),
  );
  const last = around(r, 0.01, "overall");
  const main = {
    arm: { steps: 160, config: { causal } },
    models: new Array(seeds).fill({}),
  } as unknown as PresetBySeed["main"];
  return {
    ...{ preset: "original", main, groups, identity: [], weights: [], projection: undefined },
    overallR: [last, last],
    lossProgress: around(progress, 0.01, "progress"),
  };
}

const selectivity = (difference: number): ClaimEvidence["selectivity"] =>
  [0, 1].flatMap((layer) =>
    (["token", "position"] as const).map((kind) => ({
      preset: "original",
      layer,
      kind,
      observed: 0.4 + difference,
      null: 0.4,
    })),
  );

function verdict(id: string, planted: Planted, difference = 0): string {
  const found = decideClaims({ presets: [preset(planted)], selectivity: selectivity(difference) }).find(
    (claim) => claim.id === id,
  );
  return found?.verdict ?? "missing";
}

test("C1 is refuted by the null, supported above it, undecided between and untested without it", () => {
  expect(verdict("C1", {}, 0.01)).toBe("refuted");
  expect(verdict("C1", {}, 0.06)).toBe("supported");
  expect(verdict("C1", {}, 0.04)).toBe("undecided");
  expect(decideClaims({ presets: [preset({})], selectivity: [] })[0].verdict).toBe("not tested here");
});

test("C2 needs kappa above 0.2 in every cell, and falls where it cannot be told from zero", () => {
  expect(verdict("C2", { kappa: 0.6 })).toBe("supported");
  expect(verdict("C2", { kappa: 0.1 })).toBe("undecided");
  expect(verdict("C2", { kappa: 0 })).toBe("refuted");
  expect(verdict("C2", { kappa: 0, seeds: 10 })).toBe("undecided");
});

test("C3 needs layer 0 above layer 1 in every metric", () => {
  expect(verdict("C3", { layerGap: 0.1 })).toBe("supported");
  expect(verdict("C3", { layerGap: 0 })).toBe("undecided");
  expect(verdict("C3", { layerGap: -0.1 })).toBe("refuted");
});

test("C4 needs one sign in every metric, and falls with two opposite ones", () => {
  const all = { maintained: 0.1, kappa: 0.1, r: 0.1, varianceRatio: 0.1 };
  expect(verdict("C4", { tokenGap: all })).toBe("supported");
  expect(verdict("C4", { tokenGap: { ...all, r: -0.1 } })).toBe("refuted");
  expect(verdict("C4", { tokenGap: { ...all, r: 0 } })).toBe("undecided");
});

test("C5 is decided only by networks that learned their task honestly", () => {
  expect(verdict("C5", { progress: 0.95 })).toBe("supported");
  expect(verdict("C5", { progress: 0.95, r: 0.3 })).toBe("refuted");
  expect(verdict("C5", { progress: 0.4 })).toBe("undecided");
  expect(verdict("C5", { progress: 0.95, causal: false })).toBe("undecided");
});

test("C6 is not tested, and says by what it would be", () => {
  const [claim] = decideClaims({ presets: [preset({})], selectivity: [] }).filter(({ id }) => id === "C6");
  expect(claim.verdict).toBe("not tested here");
  expect(claim.rule).toMatch(/noise.*importance.*strengthened/);
});

test("C7 is refuted by no correlation across initialisations and supported by one", () => {
  expect(verdict("C7", { nullR: 0 })).toBe("refuted");
  expect(verdict("C7", { nullR: 0.5 })).toBe("supported");
  expect(verdict("C7", { nullR: 0.05 })).toBe("undecided");
});

test("seeds without a number are left out of every rule, and no seeds at all decide nothing", () => {
  const some = preset({});
  for (const group of some.groups) group.kappa[3] = Number.NaN;
  const texts = decideClaims({ presets: [some], selectivity: selectivity(0) }).map(
    ({ evidence }) => evidence,
  );
  expect(texts.join()).not.toContain("NaN");
  for (const { verdict: without } of decideClaims({ presets: [], selectivity: [] }))
    expect(without).not.toBe("supported");
});
