/** "Then and now" in Chromium, by a person's clicks; its numbers are those of a population grown in Node. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { tuningCorrelation } from "../../src/features/persistence.ts";
import { fixed } from "../../src/figures/numberText.ts";
import { cellsAt } from "../../src/studies/persistence/cells.ts";
import { siteOfLayer } from "../../src/studies/persistence/spec.ts";
import { openPopulation } from "../../src/studies/population/openPopulation.ts";
import { armOf, defaultSettings } from "../../studio/src/state/runSettings.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { type OpenStudio, openStudio } from "./openStudio.ts";

const settings = {
  ...defaultSettings,
  ...{ preset: "causal" as const, seeds: 4, steps: 32, sequences: 64, lr: 0.01 },
};
const hash = "preset=causal&seeds=4&steps=32&sequences=64&lr=0.01&layer=1&at=32";

/** Persistence of every unit of layer 1 of seed 0 over all cells, as the library has it. */
async function persistenceInNode(): Promise<Float64Array> {
  const { spec, models } = armOf(settings);
  const population = openPopulation(spec, models, wasmBackend());
  const loop = population.grow({ checkpoints: [0, settings.steps] });
  const looks = [];
  for (let next = await loop.next(); !next.done; next = await loop.next())
    looks.push({ step: next.value.step, ...(await population.look()) });
  population.close();
  const [before, after] = looks.map((look) => cellsAt(look, siteOfLayer(1), spec));
  return tuningCorrelation(before, after).subarray(0, spec.config.dMlp);
}

describe.skipIf(leftOut)("then and now", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  test("units are sorted, filtered, brushed and opened, and their numbers are the library's", async () => {
    const visit = await studio.visit({ hash });
    const { page } = visit;
    await page.getByText("trained, 4 seeds").waitFor();
    const rows = page.getByRole("listbox", { name: "Units of the layer" }).getByRole("option");
    await expect.poll(() => rows.count()).toBe(64);

    const r = await persistenceInNode();
    const order = Array.from(r.keys()).sort((a, b) => r[b] - r[a]);
    const first = rows.first();
    expect(await first.textContent()).toContain(`L1N${order[0]}`);
    expect(await first.textContent()).toContain(fixed(r[order[0]]));
    await page.getByRole("button", { name: "Reversed" }).click();
    await expect.poll(() => first.textContent()).toContain(`L1N${order[order.length - 1]}`);
    await page.getByRole("button", { name: "Reversed" }).click();

    // brushed by number, as a keyboard does; then by drawing a rectangle over the whole plane
    await page.getByLabel("Persistence r, at least").fill("0.5");
    await page.keyboard.press("Enter");
    await expect.poll(() => rows.count()).toBe(r.filter((value) => value >= 0.5).length);
    const plane = await page.getByRole("img", { name: /^Persistence r against/ }).boundingBox();
    const { x, y, width, height } = plane as { x: number; y: number; width: number; height: number };
    await page.mouse.move(x + 2, y + 2);
    await page.mouse.down();
    await page.mouse.move(x + width - 2, y + height - 2, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => rows.count()).toBe(64);
    await page.locator("#units-text").fill("N7, N12");
    await expect.poll(() => rows.count()).toBe(2);

    // a unit by keyboard: its life, its null, and a file of the picture
    await page.getByRole("listbox", { name: "Units of the layer" }).focus();
    await page.keyboard.press("Enter");
    const card = page.getByRole("region", { name: "Unit" });
    await card
      .getByRole("heading", { name: /^L1N(7|12)\b/ })
      .first()
      .waitFor();
    expect(await card.locator("svg").count()).toBeGreaterThan(2);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      card.getByRole("button", { name: "SVG" }).first().click(),
    ]);
    expect(readFileSync(await download.path(), "utf8")).toMatch(/^<svg xmlns[\s\S]*<\/svg>\s*$/);
    const [picture] = await Promise.all([
      page.waitForEvent("download"),
      card.getByRole("button", { name: "PNG" }).first().click(),
    ]);
    expect(
      readFileSync(await picture.path())
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
    await page.keyboard.press("Escape");
    await card.waitFor({ state: "detached" });
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });
});
