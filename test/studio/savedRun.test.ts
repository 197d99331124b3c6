/** A run of the page in other words: as its folder says it, as a link, as a table. */
import { expect, test } from "vitest";
import { readRunConfig, studioConfig } from "../../src/studies/persistence/runConfig.ts";
import type { ArmCheckpoint } from "../../src/studies/population/gather.ts";
import { csvOf } from "../../studio/src/exports/measurementFiles.ts";
import { browserName } from "../../studio/src/lab/browserName.ts";
import { sameBits } from "../../studio/src/lab/recording.ts";
import { linkOf, sharedOf } from "../../studio/src/state/link.ts";
import { armOf, defaultSettings, type RunSettings, seedsOf } from "../../studio/src/state/runSettings.ts";
import { lineOf, madeOf } from "../../studio/src/state/savedRun.ts";

const settings: RunSettings = { ...defaultSettings, seeds: [4, 1, 7], changes: { dMlp: 32 }, probe: "full" };
const branch = (step: number, change: Partial<RunSettings>, before = settings) => ({
  step,
  settings: { ...before, ...change },
});

test("branches are told by step, with what changed: one that was left again, or changed nothing, is none", () => {
  const at8 = branch(8, { lr: 0.01 });
  const at16 = branch(16, { task: "random", steps: 300 }, at8.settings);
  const { settings: made, model, branches } = madeOf({ settings, branches: [at8, at16] });
  expect([made.steps, made.seeds, made.probe, model]).toEqual([300, [4, 1, 7], "full", { dMlp: 32 }]);
  expect(branches).toEqual([
    { step: 8, lr: 0.01 },
    { step: 16, task: "random" },
  ]);
  const again = branch(16, { lr: 0.02 }, at16.settings);
  expect(madeOf({ settings, branches: [at8, at16, again] }).branches[1]).toEqual({
    ...{ step: 16, task: "random", lr: 0.02 },
  });
  // a branch from before an earlier one goes on from what was there before it
  const before = branch(4, { task: "random" }, at8.settings);
  expect(madeOf({ settings, branches: [at8, before] }).branches).toEqual([
    { step: 4, task: "random", lr: 0.01 },
  ]);
  expect(madeOf({ settings, branches: [branch(8, { steps: 400 })] }).branches).toEqual([]);
});

test("what a folder says of a run makes the same run, and so does its link", () => {
  const line = { settings, branches: [branch(8, { lr: 0.01 }), branch(20, { lr: 0.01, batch: 16 })] };
  const config = studioConfig(madeOf(line), { backend: "wasm", relaxed: false });
  const manifest = { study: "studio", status: "complete", config } as unknown as Parameters<
    typeof readRunConfig
  >[0];
  const read = lineOf(readRunConfig(manifest, "manifest.json"), "original");
  expect(read).toEqual(line);
  const shared = sharedOf(linkOf({ ...line, at: null, view: {} }));
  expect({ settings: shared.settings, branches: shared.branches }).toEqual(line);
  expect(armOf(settings).models.map(({ init }) => init)).toEqual([4, 1, 7]);
  expect(seedsOf({ seeds: 3 })).toEqual([0, 1, 2]);
});

test("a link whose branch changes the networks or their optimiser, or whose seeds repeat, is refused in a sentence", () => {
  const link = (branches: string) => () => sharedOf(`branches=${encodeURIComponent(branches)}`);
  expect(link('[{"step":4,"optimizer":"sgd"}]')).toThrow(
    "link: branches: may change lr, task, sequences, batch, steps, for the networks and what their optimiser remembers go on; got optimizer.",
  );
  for (const field of ['"preset":"causal"', '"seeds":4', '"changes":{}', '"init":{}', '"probe":"full"'])
    expect(link(`[{"step":4,${field}}]`)).toThrow(/^link: branches: may change lr/);
  expect(() => sharedOf("seeds=[1,1]")).toThrow("link: seeds: is not what a run can have; got [1,1].");
});

test("weights are compared number by number, zeros by their sign, up to the first step that differs", () => {
  const seen = (step: number, ...values: number[]) =>
    ({ step, weights: { W: Float32Array.from(values) } }) as unknown as ArmCheckpoint;
  const recorded = [seen(0, 1, 2), seen(4, 0, Number.NaN), seen(8, 3, 4)];
  expect(sameBits([seen(0, 1, 2), seen(2, 9, 9), seen(4, 0, Number.NaN)], recorded)).toEqual({
    ...{ compared: 2, equalTo: 4, differsAt: null },
  });
  expect(sameBits([seen(0, 1, 2), seen(4, -0, Number.NaN), seen(8, 3, 4)], recorded)).toEqual({
    ...{ compared: 2, equalTo: 0, differsAt: 4 },
  });
  expect(sameBits([], recorded)).toEqual({ compared: 0, equalTo: null, differsAt: null });
});

test("a browser is named as what it is", () => {
  const engine = "AppleWebKit/537.36 (KHTML, like Gecko)";
  expect(browserName(`Mozilla/5.0 (X11; Linux x86_64) ${engine} Chrome/147.0.0.0 Safari/537.36`)).toBe(
    "Chromium 147",
  );
  expect(browserName("Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox 140");
  expect(
    browserName(
      "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
    ),
  ).toBe("Safari 18");
  expect(browserName("something")).toBe("unknown");
});

test("a table as CSV has a line a row and quotes where they are needed", () => {
  const row = { arm: 'a "b", c', model: 0, seed: 3, step: 8, site: "model", unit: null, statistic: "loss" };
  expect(
    csvOf([
      { ...row, value: 0.1 + 0.2 },
      { ...row, unit: 2, value: Number.NaN },
    ]),
  ).toBe(
    'arm,model,seed,step,site,unit,statistic,value\r\n"a ""b"", c",0,3,8,model,,loss,0.30000000000000004\r\n"a ""b"", c",0,3,8,model,2,loss,\r\n',
  );
});
