/** The gate: every planted fault is found by its rule, and nothing is found in sound series. */
import { beforeAll, expect, test } from "vitest";
import { randomStream } from "../../../src/base/random.ts";
import { judgeSeries, type SeriesIntegrity } from "../../../src/pretrained/series/index.ts";
import { sketcher, sketchSize, squaredDistance } from "../../../src/pretrained/series/sketch.ts";
import { readSafetensors, writeSafetensors } from "../../../src/record/safetensors.ts";
import { optimizers } from "../../../src/train/optimizers.ts";
import {
  type Files,
  files,
  firstShard,
  type GrownSeries,
  grownSeries,
  secondShard,
  seriesOf,
  sound,
  steps,
} from "./grown.ts";

let grown: GrownSeries;
beforeAll(async () => {
  grown = await grownSeries([0, 1]);
});

/** Judges the sound series of model 0 with some checkpoints replaced. */
async function judged(faults: Readonly<Record<number, Files>> = {}): Promise<SeriesIntegrity> {
  const published = sound(grown);
  for (const [step, own] of Object.entries(faults)) published.set(Number(step), own);
  return judgeSeries(seriesOf(published));
}

const rulesAt = ({ checkpoints }: SeriesIntegrity, step: number) =>
  checkpoints.find((one) => one.step === step)?.faults.map(({ rule }) => rule);
const factsAt = ({ checkpoints }: SeriesIntegrity, step: number) =>
  checkpoints
    .find((one) => one.step === step)
    ?.faults.map(({ facts }) => facts)
    .join("; ");
const without = (...left: number[]) => steps.filter((step) => !left.includes(step));
const of = (step: number, model = 0) => files(grown, step, model);

test("sound series of several seeds, tasks and optimisers have no faults", async () => {
  const settings = [
    { optimizer: optimizers.sgd, rate: 0.1 },
    { optimizer: optimizers.adamw, rate: 3e-3, task: "induction" },
  ];
  const populations = [grown];
  for (const [at, setting] of settings.entries()) populations.push(await grownSeries([2 + at], setting));
  for (const population of populations)
    for (const model of population === grown ? [0, 1] : [0]) {
      const result = await judgeSeries(seriesOf(sound(population, model)));
      expect(result.checkpoints.flatMap(({ faults }) => faults)).toEqual([]);
      expect(result.sound).toEqual(steps);
      expect(result.initialised).toBe(true);
    }
});

test("distances from sketches are those of the weights, and grow", async () => {
  const { checkpoints } = await judged();
  const distances = checkpoints.map(({ fromFirst }) => fromFirst);
  expect(distances[0]).toBe(0);
  expect([...distances].sort((a, b) => a - b)).toEqual(distances);
  // the same from the weights themselves: root mean square over matrices, by the median norm of each
  const matrices = ["wte", "wpe"].map((name) => `transformer.${name}.weight`);
  const tensorsOf = (step: number) =>
    new Map(
      [...Object.entries(of(step))].flatMap(([name, bytes]) =>
        name.endsWith(".safetensors") ? [...readSafetensors(bytes, { file: name }).tensors] : [],
      ),
    );
  const all = new Map(steps.map((step) => [step, tensorsOf(step)]));
  const names = [...(all.get(0) as ReturnType<typeof tensorsOf>)].flatMap(([name, { shape }]) =>
    shape.length > 1 ? [name] : [],
  );
  expect(names).toEqual(expect.arrayContaining(matrices));
  const squares = names.map((name) => {
    const data = steps.map((step) => all.get(step)?.get(name)?.data as Float32Array);
    const norms = data.map((values) => Math.hypot(...values)).sort((a, b) => a - b);
    const apart = Math.hypot(...data[0].map((value, i) => data[data.length - 1][i] - value));
    return (apart / norms[norms.length >> 1]) ** 2;
  });
  const direct = Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
  // tensors this small are their own sketches: float32 sums alone differ
  expect(distances[distances.length - 1]).toBeCloseTo(direct, 5);
});

test("distances of tensors larger than a sketch are right to the error that is stated", () => {
  const count = 5 * sketchSize;
  const ratios = Array.from({ length: 40 }, (_, draw) => {
    const stream = randomStream("test", "sketch", draw);
    const [a, b] = [0, 1].map(() => Float32Array.from({ length: count }, () => stream.normal()));
    const [first, second] = [a, b].map((values) => {
      const sketch = sketcher(count);
      sketch.add(values.subarray(0, 777)); // in pieces, as files are read
      sketch.add(values.subarray(777));
      return sketch.done();
    });
    return squaredDistance(first, second) / a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  });
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const sd = Math.sqrt(ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / (ratios.length - 1));
  const stated = Math.sqrt(2 / sketchSize);
  expect(Math.abs(mean - 1)).toBeLessThan((4 * stated) / Math.sqrt(ratios.length));
  // 40 draws estimate a standard deviation to about a tenth
  expect(Math.abs(sd / stated - 1)).toBeLessThan(0.4);
});

test("step 1 that equals step 0 is left out, and step 0 stays", async () => {
  const result = await judged({ 1: of(0) });
  expect(rulesAt(result, 1)).toEqual(["duplicate"]);
  expect(factsAt(result, 1)).toContain("equal to step 0; step 0 and step 1 are one");
  expect(result.sound).toEqual(without(1));
});

test("of two equal neighbours neither is believed", async () => {
  const result = await judged({ 64: of(128) });
  expect(rulesAt(result, 64)).toEqual(["duplicate"]);
  expect(rulesAt(result, 128)).toEqual(["duplicate"]);
  expect(result.sound).toEqual(without(64, 128));
});

test("final weights under early names are found, however many", async () => {
  const early = [1, 2, 4, 8];
  const result = await judged(Object.fromEntries(early.map((step) => [step, of(256)])));
  for (const step of early) expect(rulesAt(result, step)).toEqual(["duplicate"]);
  expect(result.sound).toEqual(without(...early));
});

test("one file under most names leaves what is different", async () => {
  const same = [1, 2, 4, 8, 16, 32];
  const result = await judged(Object.fromEntries(same.map((step) => [step, of(0)])));
  expect(result.sound).toEqual(without(...same));
});

test("a trained step 0 is no initialisation", async () => {
  const copied = await judged({ 0: of(256) });
  expect(rulesAt(copied, 0)).toEqual(["initial", "duplicate"]);
  expect(copied.sound).toEqual(without(0));
  expect(copied.initialised).toBe(false);
  const late = await judged({ 0: of(200) });
  expect(rulesAt(late, 0)).toEqual(["initial"]);
  expect(factsAt(late, 0)).toContain("norms have moved");
});

test("late weights under an early name and early ones under a late name are out of order", async () => {
  const late = await judged({ 4: of(200) });
  expect(rulesAt(late, 4)).toEqual(["order"]);
  expect(factsAt(late, 4)).toMatch(/nearest to the later step (128|256)/);
  expect(late.sound).toEqual(without(4));
  const early = await judged({ 128: of(12) });
  expect(rulesAt(early, 128)).toEqual(["order"]);
  expect(factsAt(early, 128)).toMatch(/nearest to the earlier step (8|16)/);
  expect(early.sound).toEqual(without(128));
});

test("a checkpoint of another run is foreign, and a step 0 of another run is no origin", async () => {
  const foreign = await judged({ 32: of(32, 1) });
  expect(rulesAt(foreign, 32)).toEqual(["foreign"]);
  expect(foreign.sound).toEqual(without(32));
  const origin = await judged({ 0: of(0, 1) });
  expect(rulesAt(origin, 0)).toEqual(["origin"]);
  expect(origin.sound).toEqual(without(0));
});

test("a shard of another step is found, with the parts that are not its own", async () => {
  const mixed = (own: number, other: number, shard: string) => ({ ...of(own), [shard]: of(other)[shard] });
  const last = await judged({ 16: mixed(16, 256, firstShard) });
  expect(rulesAt(last, 16)).toContain("parts");
  expect(factsAt(last, 16)).toContain("step 256");
  expect(last.sound).not.toContain(16);
  const first = await judged({ 128: mixed(128, 0, secondShard) });
  expect(rulesAt(first, 128)).toContain("parts");
  expect(first.sound).not.toContain(128);
  const unlisted = await judged({ 8: mixed(8, 200, secondShard) });
  expect(rulesAt(unlisted, 8)).toContain("parts");
  const beside = await judged({ 64: mixed(64, 32, firstShard) });
  expect(rulesAt(beside, 64)).toContain("parts");
  expect(factsAt(beside, 64)).toContain(`${firstShard} holds the matrices of step 32`);
  for (const result of [last, first, unlisted])
    expect(result.sound.length).toBeGreaterThanOrEqual(steps.length - 2);
});

test("another config, numbers that are not finite and files that end early are named", async () => {
  const heads = new TextDecoder().decode(of(8)["config.json"]).replace('"n_head": 2', '"n_head": 4');
  const other = await judged({ 8: { ...of(8), "config.json": new TextEncoder().encode(heads) } });
  expect(rulesAt(other, 8)).toEqual(["config"]);
  expect(factsAt(other, 8)).toMatch(/(dHead|nHeads) is [48], of most [28]/);

  const { tensors } = readSafetensors(of(16)[firstShard], { file: "shard" });
  const broken = [...tensors].map(([name, tensor], i) => {
    const data = tensor.data.slice();
    if (i === 0) data[3] = Number.NaN;
    return [name, { ...tensor, data }] as const;
  });
  const strange = await judged({ 16: { ...of(16), [firstShard]: writeSafetensors(broken) } });
  expect(rulesAt(strange, 16)).toEqual(["finite"]);
  expect(factsAt(strange, 16)).toMatch(/^1 such numbers in transformer/);

  const cut = await judged({ 32: { ...of(32), [secondShard]: of(32)[secondShard].slice(0, -100) } });
  expect(rulesAt(cut, 32)).toEqual(["readable"]);
  expect(factsAt(cut, 32)).toContain("step32/model-00002-of-00002.safetensors");
  expect(cut.sound).toEqual(without(32));
});

test("every tensor has its hash, the same as any other tool's of its bytes", async () => {
  const { checkpoints } = await judged();
  const bytes = of(4)[firstShard];
  const { tensors } = readSafetensors(bytes, { file: "shard" });
  const { createHash } = await import("node:crypto");
  for (const [name, { data }] of tensors) {
    const own = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const expected = createHash("sha256").update(own).digest("hex");
    expect(checkpoints.find(({ step }) => step === 4)?.tensors[name]).toBe(expected);
  }
  expect(new Set(checkpoints.map(({ sha256 }) => sha256)).size).toBe(steps.length);
});
