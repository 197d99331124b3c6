/** The studio on a graphics card, which is Chromium's own software one here, and what it does where there is none. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { readManifest } from "../../src/record/manifest.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { type OpenStudio, openStudio } from "./openStudio.ts";

/** Chromium's software adapter, for the page and its workers. */
const SOFTWARE_CARD = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/**
 * Nats by which a training loss of the first six updates may differ: sums are taken in another order, and Adam's first
 * steps are as long for a gradient that is all rounding as for any other.
 */
const LOSS_TOLERANCE = 2e-4;

describe.skipIf(leftOut)("a run of the page", () => {
  let studio: OpenStudio | undefined;
  afterEach(() => studio?.close());

  const hash = "preset=causal&steps=6&sequences=64&seeds=2&view=training";

  /** Begins a run of the same settings that the card is to compute. */
  async function beginOnCard(page: Page): Promise<void> {
    await page.getByLabel("Computed by").selectOption("graphics card");
    await page.getByRole("button", { name: "New run" }).click();
    await page.getByRole("button", { name: "run 2", exact: true, pressed: true }).waitFor();
  }

  /** Trains to the end and saves the whole study: its folder. */
  async function trainAndSave(page: Page, { cwd }: OpenStudio): Promise<string> {
    const runs = () => {
      try {
        return readdirSync(join(cwd, "runs"));
      } catch {
        return []; // none was saved yet
      }
    };
    const before = runs();
    await page.getByLabel("Pace").selectOption("as fast as it goes");
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByText("trained, 2 seeds").waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Save in runs/" }).click();
    await page.getByText(/^Saved as runs\/persistence-/).waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).click(); // it is closed again
    const [saved] = runs().filter((name) => !before.includes(name));
    return join(cwd, "runs", saved);
  }

  const manifestOf = (run: string) => readManifest(readFileSync(join(run, "manifest.json")), "manifest.json");

  /** Training losses [model][step], one after the other. */
  async function lossesOf(run: string): Promise<number[]> {
    const file = await asyncBufferFromFile(join(run, "measurements/causal-loss.parquet"));
    return (await parquetReadObjects({ file })).map(({ value }) => value as number);
  }

  test("trains on the graphics card to the processor's losses, and says which computed it", async () => {
    studio = await openStudio(SOFTWARE_CARD);
    const visit = await studio.visit({ hash });
    const { page } = visit;
    const byProcessor = await trainAndSave(page, studio);
    await beginOnCard(page);
    const onCard = await trainAndSave(page, studio);
    await page.getByText("trained, 2 seeds, on the graphics card, google swiftshader").waitFor();
    const [expected, found] = [await lossesOf(byProcessor), await lossesOf(onCard)];
    expect(found).toHaveLength(2 * 6);
    const errors = found.map((loss, i) => Math.abs(loss - expected[i]));
    expect(Math.max(...errors)).toBeLessThan(LOSS_TOLERANCE);
    expect(manifestOf(byProcessor)).toMatchObject({ config: { backend: "wasm" } });
    expect(manifestOf(onCard)).toMatchObject({
      config: { backend: "webgpu" },
      ...{ engine: null, versions: { adapter: expect.stringContaining("swiftshader") } },
    });
    expect(visit.complaints).toEqual([]);
  });

  test("is computed by the processor, to the same bits, where there is no graphics card, and says so", async () => {
    studio = await openStudio();
    const visit = await studio.visit({ hash });
    const { page } = visit;
    const asAlways = await trainAndSave(page, studio);
    await beginOnCard(page);
    await page
      .getByText(/^The processor computes this run in place of the graphics card\. .*adapter/)
      .waitFor();
    const instead = await trainAndSave(page, studio);
    expect(await lossesOf(instead)).toEqual(await lossesOf(asAlways));
    expect(manifestOf(instead).files).toEqual(manifestOf(asAlways).files);
    // the browser's own word on it
    expect(visit.complaints.filter((text) => !text.includes("No available adapters"))).toEqual([]);
  });
});
