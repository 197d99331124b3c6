/** The studio for those who do not see it, use no mouse, or hold a phone. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { viewNames } from "../../studio/src/state/viewNames.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { type OpenStudio, openStudio } from "./openStudio.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe.skipIf(leftOut)("the studio", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  const looks = [
    ["on a desk, in the light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
    ["on a phone, in the dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
  ] as const;

  test.each(looks)(
    "has no accessibility violation in any view %s, and nothing is wider than it",
    async (_, context) => {
      const visit = await studio.visit({
        hash: "preset=causal&seeds=4&steps=8&sequences=64&at=8",
        context,
      });
      const { page } = visit;
      await page.getByText("trained, 4 seeds").waitFor();
      await page.evaluate(axeSource);
      for (const view of viewNames) {
        await page.locator(`#tab-${view}`).click();
        await page.waitForLoadState("networkidle");
        const { violations } = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
          return axe.run();
        });
        const told = violations.map(
          ({ id, nodes }) => `${view}: ${id}: ${nodes.map(({ html }) => html).join(" ")}`,
        );
        expect(told).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(`${view}: ${overflow}`).toBe(`${view}: 0`);
      }
      expect(visit.complaints).toEqual([]);
      await visit.close();
    },
  );

  test("can be used by the keyboard alone: tabs by arrows, playing, and going back in time", async () => {
    const visit = await studio.visit({ hash: "preset=causal&seeds=4&steps=8&sequences=64&view=training" });
    const { page } = visit;
    await page.getByText("before the first update, ").waitFor();
    await page.getByRole("tab", { name: "Training" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("tab", { name: "Attention" }).getAttribute("aria-selected")).toBe("true");
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("button", { name: "Play" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("trained, 4 seeds").waitFor();
    await page.getByRole("slider").focus();
    await page.keyboard.press("Home");
    await page.getByText("Step 0 of 8").waitFor();
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });
});
