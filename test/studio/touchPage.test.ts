/** The view "Touch" by a person's clicks: what it says is what src/interp computes of the same networks. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { fixed } from "../../src/figures/numberText.ts";
import {
  edit,
  logitDifference,
  lossMetric,
  type Network,
  openNetwork,
  patchSweep,
  runWithHooks,
} from "../../src/interp/index.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { openPopulation } from "../../src/studies/population/openPopulation.ts";
import { sharedOf } from "../../studio/src/state/link.ts";
import { armOf, configOf } from "../../studio/src/state/runSettings.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { type OpenStudio, openStudio, type StudioVisit } from "./openStudio.ts";

const run = "preset=causal&seeds=5&steps=12&sequences=64";
const tokens = [0, 1, 2, 3, 4, 5, 6];
const other = [3, 4, 5, 6, 7, 8, 9];

/** The networks of the run after its last step, without a browser. */
async function trained(): Promise<Network> {
  const { settings } = sharedOf(run);
  const { spec, models } = armOf(settings);
  const population = openPopulation(spec, models, wasmBackend());
  for await (const _ of population.grow({ checkpoints: [] }));
  const { weights } = await population.look();
  population.close();
  return openNetwork(wasmBackend(), configOf(settings), weights);
}

describe.skipIf(leftOut)("touching networks in the page", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  const open = async (more = ""): Promise<StudioVisit> => {
    const visit = await studio.visit({ hash: `${run}&at=12&view=touch${more}` });
    await visit.page.getByText("trained, 5 seeds").waitFor();
    return visit;
  };
  /** The column of a table under "Every seed": one number a seed. */
  const everySeed = async ({ page }: StudioVisit, column: number) => {
    const rows = page.getByRole("region", { name: "Effects of every seed" }).locator("tbody tr");
    const cells = (await rows.allTextContents()).length;
    return Promise.all(
      Array.from({ length: cells }, (_, row) => rows.nth(row).locator("td").nth(column).textContent()),
    );
  };
  const title = ({ page }: StudioVisit) => page.locator("figure[id^=figure-touch-effect] h3");

  test("a click changes a part in every seed, as a run with hooks does, and a link shows it elsewhere", async () => {
    const visit = await open();
    const { page } = visit;
    await page.getByRole("button", { name: "L1H0", exact: true }).click();
    await page.getByRole("button", { name: "scaled" }).click();
    await page.getByLabel("by the factor").fill("-1.5");
    await page.getByLabel("at", { exact: true }).selectOption("position 3, token 3");
    await page.getByRole("button", { name: "L0 MLP" }).click();
    await title(visit).filter({ hasText: "L1H0 set to zero and L0 MLP × −1.5 at position 3" }).waitFor();
    await page.getByText("Every seed", { exact: true }).click();

    const network = await trained();
    const metric = lossMetric([[...tokens.slice(1), 0]], { pos: [0, 1, 2, 3, 4, 5] });
    const [clean, edited] = [
      await runWithHooks(network, [tokens], { edits: [] }),
      await runWithHooks(network, [tokens], {
        edits: [
          edit(hook.z(1), { heads: 0 }, { kind: "zero" }),
          edit(hook.mlpOut(0), { pos: 3 }, { kind: "scale", by: -1.5 }),
        ],
      }),
    ].map(({ logits }) => metric.measure(logits).data);
    network.close();
    const expected = Array.from(edited, (value, model) => fixed(value - clean[model], 4));
    expect(await everySeed(visit, 0)).toEqual(expected);

    const said = (await title(visit).textContent()) ?? "";
    const hash = await page.evaluate(() => location.hash.slice(1));
    const second = await studio.visit({ hash });
    await second.page.getByText("trained, 5 seeds").waitFor();
    await title(second).filter({ hasText: said }).waitFor();
    await second.page.getByText("Every seed", { exact: true }).click();
    expect(await everySeed(second, 0)).toEqual(expected);
    expect([...visit.complaints, ...second.complaints]).toEqual([]);
    await visit.close();
    await second.close();
  });

  test("edits are taken back and done again by keys, and kept ones stand beside", async () => {
    const visit = await open();
    const { page } = visit;
    const pressed = (name: string) =>
      page.getByRole("button", { name, exact: true }).getAttribute("aria-pressed");
    await page.getByRole("button", { name: "L0H1", exact: true }).click();
    await page.getByRole("button", { name: "Keep these edits as A" }).click();
    await page.getByRole("button", { name: "L1H1", exact: true }).focus();
    await page.keyboard.press("Enter");
    await title(visit).filter({ hasText: "L0H1 set to zero and L1H1 set to zero" }).waitFor();
    expect(
      await page.getByRole("region", { name: "Effects over seeds" }).locator("tbody th").allTextContents(),
    ).toEqual([...["B, these", "A", "difference"]]);
    await page.keyboard.press("Control+z");
    expect([await pressed("L0H1"), await pressed("L1H1")]).toEqual(["true", "false"]);
    await page.keyboard.press("Control+Shift+Z");
    expect([await pressed("L0H1"), await pressed("L1H1")]).toEqual(["true", "true"]);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("button", { name: "Undo" }).click(); // that A was kept
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await pressed("L0H1")).toBe("false");
    expect(await page.getByRole("button", { name: "Undo" }).isDisabled()).toBe(true);
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  test("a sweep fills with the numbers of patchSweep, seed by seed", async () => {
    const visit = await open();
    const { page } = visit;
    await page.getByRole("button", { name: /^token 7 at position 6/ }).click();
    await page.getByRole("button", { name: /^token 0 at position 6/ }).click();
    await page.getByRole("button", { name: "heads", exact: true }).click();
    await page.getByRole("button", { name: "Run the sweep" }).click();
    await page.getByText("Every number as a table").click();
    const rows = page.getByRole("region", { name: "Numbers of the sweep" }).locator("tbody tr");
    await rows.nth(7).waitFor(); // four heads now, four before training
    const told = [];
    for (let row = 0; row < 4; row++)
      told.push((await rows.nth(row).locator("td").allTextContents()).slice(2));

    const network = await trained();
    const { patched, corrupt } = await patchSweep(network, {
      ...{ clean: [tokens], corrupt: [other], metric: logitDifference(7, 0) },
      ...{ over: [hook.z("all")], by: ["layer", "head"] },
    });
    network.close();
    const change = (cell: number, model: number) => patched.data[model * 4 + cell] - corrupt.data[model];
    expect(told).toEqual(
      [0, 1, 2, 3].map((cell) => [0, 1, 2, 3, 4].map((model) => fixed(change(cell, model), 3))),
    );
    // a cell that has the focus tells of its seeds
    const cell = page.getByRole("gridcell").last();
    await page.getByRole("grid").last().getByRole("gridcell").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    expect(await cell.evaluate((element) => element === document.activeElement)).toBe(true);
    const seeds = page.locator(".told .seeds").last();
    expect((await seeds.textContent())?.replaceAll("\u00a0", " ")).toContain(`seed 4 ${fixed(change(3, 4))}`);
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  test("an edit that the networks cannot have is told and left undone; what is no edit is refused", async () => {
    const edits = JSON.stringify([
      { at: "L7H0", how: "zero", pos: null },
      { at: "L0H0", how: "zero", pos: null },
    ]);
    const visit = await open(`&edits=${encodeURIComponent(edits)}`);
    await visit.page.getByText("not done: these networks have no L7H0").waitFor();
    await title(visit).filter({ hasText: "L0H0 set to zero:" }).waitFor();
    expect(visit.complaints).toEqual([]);
    await visit.close();
    const wrong = encodeURIComponent('[{"at":"L0H0","how":"erase","pos":null}]');
    const refused = await studio.visit({ hash: `${run}&view=touch&edits=${wrong}` });
    await refused.page.getByText("link: edits: is not what the page can show").waitFor();
    expect(refused.complaints).toEqual([]);
    await refused.close();
  });
});
