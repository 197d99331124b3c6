/** What the page's worker sees in networks, against the command line on the same networks. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { randomNetworks } from "../../src/cli/inspect/subject.ts";
import { runInspect } from "../../src/cli/runs/inspect.ts";
import { type Network, openNetwork } from "../../src/interp/index.ts";
import { type PresetName, presets } from "../../src/model/config.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { probesOf } from "../../studio/src/lab/probes.ts";
import { armOf, defaultSettings } from "../../studio/src/state/runSettings.ts";
import { lensProbabilities, likeliest, overSeeds } from "../../studio/src/views/stream/streamData.ts";
import { attention } from "../../studio/src/workers/looks/attention.ts";
import { attribution } from "../../studio/src/workers/looks/attribution.ts";
import { composition } from "../../studio/src/workers/looks/composition.ts";
import { drawHeads } from "../../studio/src/workers/looks/drawHeads.ts";
import { embeddings } from "../../studio/src/workers/looks/embeddings.ts";
import { headKinds } from "../../studio/src/workers/looks/headKinds.ts";
import { lens } from "../../studio/src/workers/looks/lens.ts";
import { pairMap } from "../../studio/src/workers/looks/pairMap.ts";
import { streamLengths } from "../../studio/src/workers/looks/streamLengths.ts";
import { unitPairs } from "../../studio/src/workers/looks/unitPairs.ts";
import { palimpsest } from "../cli/harness.ts";

const init = { scheme: "pytorch", embeddingScale: 1 } as const;
const seeds = [0, 1, 2, 3];
const tokens = [0, 1, 2, 3, 4, 5, 6];
/** The same numbers, added in another order where they are means. */
const EQUAL = 12;

let cwd = "";
const opened: Network[] = [];
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterAll(() => {
  for (const network of opened) network.close();
  rmSync(cwd, { recursive: true, force: true });
});

function networksOf(preset: PresetName, change: (weights: Record<string, Float32Array>) => void = () => {}) {
  const drawn = randomNetworks(presets[preset], init, seeds);
  const weights = Object.fromEntries(
    [...weightShapes(presets[preset]).keys()].map((name) => [name, Float32Array.from(drawn[name])]),
  );
  change(weights);
  const network = openNetwork(wasmBackend(), presets[preset], weights);
  opened.push(network);
  return network;
}

/** The weights of one model are no numbers any more. */
const diverged = (model: number) => (weights: Record<string, Float32Array>) => {
  for (const values of Object.values(weights)) {
    const size = values.length / seeds.length;
    values.fill(Number.NaN, model * size, (model + 1) * size);
  }
};

async function inspected(line: string) {
  const { exitCode, stdout, stderr } = await palimpsest(["inspect", ...line.split(" "), "--json"], {
    handlers: { inspect: runInspect },
    io: { cwd },
  });
  expect({ line, exitCode, stderr }).toEqual({ line, exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

test("classes, scores, intervals and p values of heads are those of inspect heads, however the null is cut", async () => {
  const { repeated, task } = probesOf(armOf(defaultSettings).spec);
  const asked = await inspected("original --seed 2 heads");
  expect(repeated?.sequences).toEqual(asked.inputs.tokens);
  const others = await inspected("original --seed 2 lens --task patterns --sequences 64 --draws 0");
  expect(task?.sequences).toEqual(others.inputs.tokens);
  const network = networksOf("original");
  const request = { init, sequences: repeated?.sequences ?? [] };
  expect((await headKinds(network, { ...request, model: 2 })).chosen).toBe(null); // nothing is drawn yet
  let state = await drawHeads(network, { ...request, more: 200 });
  expect((await headKinds(network, { ...request, model: 2 })).kinds).toEqual([]); // too little is drawn
  while (state.draws < state.needed) state = await drawHeads(network, { ...request, more: 200 });
  expect(state).toEqual({ draws: asked.draws, needed: asked.draws });
  const kinds = await headKinds(network, { ...request, model: 2 });
  const own = kinds.chosen?.heads.map(({ model, ...head }) => ({ seed: 2, ...head }));
  expect(JSON.parse(JSON.stringify(own))).toEqual(asked.heads);
  // the classes of all networks, which need no intervals, are the same
  const total = presets.original.nLayers * presets.original.nHeads;
  expect(kinds.kinds.slice(2 * total, 3 * total)).toEqual(
    asked.heads.map((head: { class: string }) => head.class),
  );
});

test("a network that diverged is left out of attention and composition, and the others keep their numbers", async () => {
  const [whole, broken] = [networksOf("causal"), networksOf("causal", diverged(1))];
  const request = { sequences: [tokens, [...tokens].reverse()] };
  const [all, some] = [await attention(whole, request), await attention(broken, request)];
  expect(some.models).toEqual([0, 2, 3]);
  const size = all.patterns[0].data.length / seeds.length;
  expect([...some.patterns[1].data.subarray(size, 2 * size)]).toEqual([
    ...all.patterns[1].data.subarray(2 * size, 3 * size),
  ]);
  const of = (seen: typeof all, at: number) =>
    [...(seen.scores?.scores.previous.corrected.data ?? [])].slice(4 * at, 4 * at + 4);
  expect(of(some, 2)).toEqual(of(all, 3));
  const [pairs, left] = [await composition(whole, { init }), await composition(broken, { init })];
  expect(left.models).toEqual([0, 2, 3]);
  expect(left.cells.map(({ scores }) => scores)).toEqual(
    pairs.cells.map(({ scores: [a, , c, d] }) => [a, c, d]),
  );
  const none = await attention(
    networksOf("causal", (weights) => seeds.forEach((_, i) => void diverged(i)(weights))),
    request,
  );
  expect(none).toEqual({ models: [], patterns: [], scores: null });
});

test("a single token has patterns and no scores", async () => {
  const { patterns, scores } = await attention(networksOf("original"), { sequences: [[3]] });
  expect(scores).toBe(null);
  expect([...patterns[0].data].every((share) => share === 1)).toBe(true);
});

test("the lens is that of inspect lens: of one seed, and as the mean over seeds", async () => {
  const { dVocab } = presets.gpt;
  const [recomputed, frozen] = await lens(networksOf("gpt"), { tokens });
  for (const [seen, norm] of [
    [recomputed, "recomputed"],
    [frozen, "frozen"],
  ] as const) {
    expect(seen.norm).toBe(norm);
    for (const [model, choice] of [
      [1, "1"],
      [null, "0-3"],
    ] as const) {
      const { places } = await inspected(
        `gpt --seed ${choice} lens --tokens ${tokens} --norm ${norm} --top 1 --draws ${model === null ? 19 : 0}`,
      );
      const probabilities = lensProbabilities(seen, seeds.length, model);
      const top = likeliest(probabilities, dVocab);
      const first = places.map((place: { tokens: { token: number; estimate: number }[] }) => place.tokens[0]);
      expect(top).toEqual(first.map(({ token }: { token: number }) => token));
      top.forEach((token, row) => {
        expect(probabilities[row * dVocab + token]).toBeCloseTo(first[row].estimate, EQUAL);
      });
    }
  }
  expect((await lens(networksOf("original"), { tokens })).length).toBe(1); // without a final norm both are one
});

test("contributions and their intervals over seeds are those of inspect attribution", async () => {
  const seen = await attribution(networksOf("gpt"), { tokens, position: 4, answer: 7, other: 2 });
  const { components } = await inspected(
    `gpt --seed 0-3 attribution --by head --tokens ${tokens} --position 4 --answer 7 --wrong 2 --draws 0`,
  );
  expect(seen.components).toEqual(components.map(({ component }: { component: string }) => component));
  seen.components.forEach((_, i) => {
    const { estimate, low, high } = overSeeds(seen.logits.map((of) => of[i]));
    expect(estimate).toBeCloseTo(components[i].estimate, EQUAL);
    expect(low).toBeCloseTo(components[i].interval[0], EQUAL);
    expect(high).toBeCloseTo(components[i].interval[1], EQUAL);
  });
});

test("composition scores and the bands of random networks are those of inspect circuits", async () => {
  const seen = await composition(networksOf("original"), { init });
  const { composition: asked } = await inspected("original --seed 3 circuits --parts composition");
  expect(seen.draws).toBe(199);
  expect(seen.atRandom).toBe(1 / 4);
  expect(seen.cells.map(({ pair, kind }) => `${pair} ${kind}`)).toEqual(
    asked.map((row: Record<string, string>) => `${row["sender>receiver"]} ${row.by}`),
  );
  seen.cells.forEach(({ scores, null: band }, i) => {
    expect(scores[3]).toBeCloseTo(asked[i].estimate, EQUAL);
    expect(band.middle).toBeCloseTo(asked[i].null.median, EQUAL);
    expect([band.low, band.high]).toEqual([asked[i].null.low, asked[i].null.high]);
  });
});

test("lengths of the stream: the embeddings' sum first, a layer norm's length where one has just been", async () => {
  const network = networksOf("original");
  const { sites, lengths } = await streamLengths(network, { sequences: [tokens] });
  expect(sites[0]).toBe("blocks.0.hook_resid_pre");
  expect(sites.at(-1)).toBe("blocks.1.hook_resid_post");
  const [embed, pos] = [
    await network.session.read("embed.W_E"),
    await network.session.read("pos_embed.W_pos"),
  ];
  const { dModel, dVocab, nCtx } = presets.original;
  const length = (token: number, at: number) =>
    Math.hypot(
      ...Array.from(
        { length: dModel },
        (_, i) => embed[(dVocab + token) * dModel + i] + pos[(nCtx + at) * dModel + i],
      ),
    );
  const mean = tokens.reduce((sum, token, at) => sum + length(token, at) / tokens.length, 0);
  const FLOAT32 = 5; // sums of float32 embeddings
  expect(lengths[1][0]).toBeCloseTo(mean, FLOAT32);
  // post-LN: every vector has mean 0 and variance 1, less what eps takes
  expect(lengths[1].at(-1)).toBeCloseTo(Math.sqrt(dModel), 2);
});

test("embeddings that did not move keep all cosines; another network's are no better than chance", async () => {
  const network = networksOf("original");
  const before = Object.fromEntries(
    await Promise.all(
      ["embed.W_E", "pos_embed.W_pos"].map(async (name) => [name, await network.session.read(name)] as const),
    ),
  );
  const [table, positions] = await embeddings(network, { model: 1, before, nPos: 7 });
  expect([table.title, positions.title]).toEqual(["token embeddings", "position embeddings"]);
  expect([table.rows, positions.rows]).toEqual([10, 7]); // the eighth is never trained
  expect(table.moved).toBe(0);
  for (const r of table.kept) expect(r).toBeCloseTo(1, EQUAL);
  expect(table.others.length).toBe(seeds.length * (seeds.length - 1));
  expect(Math.max(...table.others.map(Math.abs))).toBeLessThan(0.5); // 45 pairs: a standard error of 0.15
  expect(table.plane.before).toEqual(table.plane.now);
});

const [units, dVocab, nPos] = [6, 10, 7];

/** Units 0 and 1 are the same but for a little noise, 2 is the opposite of 3; 4 and 5 are noise. */
function plantedCells(stream: ReturnType<typeof randomStream>): Float32Array {
  const cells = dVocab * nPos;
  const out = Float32Array.from({ length: units * cells }, () => stream.normal());
  for (let i = 0; i < cells; i++) {
    out[cells + i] = out[i] + 0.1 * out[cells + i];
    out[2 * cells + i] = -out[3 * cells + i] + 0.1 * out[2 * cells + i];
  }
  return out;
}

test("planted pairs of units are found, the others are not, and the same seed permutes the same labels", async () => {
  const cells = plantedCells(randomStream("test", "pairs"));
  const network = networksOf("original");
  const request = { ...{ cells, dVocab, nPos, seed: 3, threshold: 0.8 } };
  const seen = await unitPairs(network, request);
  expect(seen.pairs).toBe(15);
  expect([seen.count, seen.opposed, seen.strong]).toEqual([2, 1, 2]);
  expect(seen.beyond.map(({ a, b }) => `${a} ${b}`).sort()).toEqual(["0 1", "2 3"]);
  for (const { r, p, nEff } of seen.beyond) {
    expect(Math.abs(r)).toBeGreaterThan(0.95);
    expect(p).toBe(1 / (1 + seen.draws));
    expect(nEff).toBeGreaterThan(30); // white noise over 70 cells is all interaction: 1 + 54 at most
  }
  expect(seen.together[0]).toEqual(seen.beyond.find(({ r }) => r > 0));
  expect(seen.against[0].r).toBeLessThan(-0.95);
  expect(await unitPairs(network, request)).toEqual(seen);
});

test("the map of pairs: all on the diagonal if nothing changed, and nothing in common between networks", async () => {
  const networks = [0, 1, 2].map((seed) => plantedCells(randomStream("test", "networks", seed)));
  const bins = 20;
  const same = await pairMap(networksOf("original"), {
    ...{ now: networks, before: networks, dVocab, nPos, model: 0, bins },
  });
  expect(same.counts.reduce((sum, count) => sum + count, 0)).toBe(15);
  same.counts.forEach((count, at) => {
    if (count > 0) expect(Math.floor(at / bins)).toBe(at % bins);
  });
  for (const r of same.kept) expect(r).toBeCloseTo(1, EQUAL);
  expect(same.others.length).toBe(6);
  // the plan is the same in all three: pairs (0, 1) and (2, 3) agree, and so do networks; units dealt out anew do not
  const cells = dVocab * nPos;
  const dealt = networks.map((of) => {
    const turned = new Float32Array(of.length);
    for (let unit = 0; unit < units; unit++)
      turned.set(of.subarray(((unit + 1) % units) * cells, (((unit + 1) % units) + 1) * cells), unit * cells);
    return turned;
  });
  const moved = await pairMap(networksOf("original"), {
    ...{ now: dealt, before: networks, dVocab, nPos, model: 0, bins },
  });
  for (const r of moved.kept) expect(r).toBeLessThan(0.5);
});
