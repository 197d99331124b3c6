/** The guided tour in Chromium, by a newcomer's clicks and keys: every number that it tells is one on the page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tourSteps } from "../../studio/src/state/tourSteps.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { type OpenStudio, openStudio } from "./openStudio.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe.skipIf(leftOut)("the guided tour", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  const panelOf = (page: Page) => page.getByRole("complementary", { name: "Guided tour" });
  const next = (panel: Locator) => panel.getByRole("button", { name: "Next", exact: true }).click();
  const told = (panel: Locator) => panel.locator(".outcome[role=status]");
  const outlineOf = (part: Locator) => part.evaluate((element) => getComputedStyle(element).outlineStyle);
  /** Numbers with two decimals, in their order. */
  const numbersIn = (text: string | null) => (text ?? "").match(/−?\d+\.\d\d/g);

  test("walks a newcomer through all steps, and each control does on the page what it says", async () => {
    const visit = await studio.visit({ hash: "preset=original&seeds=4&steps=24&sequences=128&lr=0.003" });
    const { page } = visit;
    const trained = page.locator(".status", { hasText: "trained, 4 seeds" });
    await page.getByText("before the first update, 4 seeds").waitFor();
    await page.getByLabel("Pace").selectOption("as fast as it goes");
    await page.getByRole("button", { name: "Begin the tour" }).click();
    const panel = panelOf(page);

    // 1: the task
    expect(await panel.getByRole("status").first().textContent()).toContain("Step 1 of 9");
    expect(await panel.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await panel.textContent()).toContain("1.03 on average");
    const ascending = panel.getByRole("listitem").filter({ hasText: "ascending" }).getByRole("button");
    await ascending.click();
    const tokens = ((await ascending.textContent()) ?? "").split(" ").slice(0, 7);
    expect(await ascending.getAttribute("aria-pressed")).toBe("true");
    await panel.getByRole("button", { name: "Draw others" }).click();
    expect(await ascending.textContent()).not.toBe(tokens.join(" "));
    expect(await outlineOf(page.locator("header form"))).toBe("solid");

    // 2: the parts; the sequence of step 1 is the one that heads look at
    await next(panel);
    expect(await outlineOf(page.locator("header form"))).toBe("none");
    await panel.getByRole("button", { name: "L1H0" }).click();
    await told(panel).filter({ hasText: "L1H0 has its clearest preference" }).waitFor();
    await page.getByText(`over the sequence ${tokens.join(" ")}`).waitFor();
    expect(await outlineOf(page.locator('[id^="figure-attention-patterns"] .panels'))).toBe("solid");
    await panel.getByRole("button", { name: "L1 MLP" }).click();
    await page.getByText("Layer 1 before the first update").waitFor();
    // a step whose view was left brings it back
    await panel.getByRole("button", { name: "Attention", exact: true }).click();
    expect(await page.locator("#tab-attention").getAttribute("aria-selected")).toBe("true");

    // 3: selectivity before training
    await next(panel);
    await panel.getByRole("button", { name: "Layer 0" }).click();
    await told(panel).filter({ hasText: "Layer 0, by token: mean selectivity" }).waitFor();
    expect(await told(panel).textContent()).toContain("that is what random projection gives");
    await panel.getByRole("button", { name: "Sort by selectivity then" }).click();
    expect(await page.locator("#units-sort").inputValue()).toBe("initial");

    // 4: training
    await next(panel);
    await panel.getByRole("button", { name: "One step" }).click();
    await told(panel).filter({ hasText: "At step 1 the loss" }).waitFor();
    await panel.getByRole("button", { name: "Play", exact: true }).click();
    await trained.waitFor();
    await told(panel).filter({ hasText: "At step 24 the loss" }).waitFor();
    const [loss] = numbersIn(await told(panel).textContent()) ?? [];
    // the figure is drawn after the sentence
    const title = page.locator("#figure-loss-curves h3");
    await title.filter({ hasText: `ends at ${loss} nats` }).waitFor();

    // 5: a feature
    await next(panel);
    await panel.getByRole("button", { name: /^Open L0N/ }).click();
    const card = page.getByRole("region", { name: "Unit" });
    await card.waitFor();
    const [name] = /L0N\d+/.exec((await told(panel).textContent()) ?? "") ?? [];
    expect(await card.getByText(String(name), { exact: true }).count()).toBeGreaterThan(0);
    await panel.getByRole("button", { name: "Before training", exact: true }).click();
    await page.getByText("Step 0 of 24").waitFor();
    await panel.getByRole("button", { name: "To step 24" }).click();
    await panel.getByRole("button", { name: "Close it" }).click();

    // 6: persistence, with the numbers of the view
    await next(panel);
    await panel.getByRole("button", { name: "positions" }).click();
    await panel.getByRole("button", { name: "Layer 1" }).click();
    const finding = page.locator("#layer-finding");
    await finding.filter({ hasText: "Layer 1, step 24: position tuning is kept beyond chance" }).waitFor();
    const own = told(panel).first();
    await own.filter({ hasText: "Layer 1, step 24, position tuning" }).waitFor();
    expect(numbersIn(await own.textContent())).toEqual(numbersIn(await finding.textContent()));
    const counts = /(\d+) of (\d+)/;
    const inView = async () => counts.exec((await page.locator("#layer-survival").textContent()) ?? "")?.[0];
    const inTour = async () => counts.exec((await told(panel).last().textContent()) ?? "")?.[0];
    expect(await inTour()).toBe(await inView());
    const before = await inTour();
    await panel.getByRole("button", { name: "Count all seeds" }).click();
    await expect.poll(inTour).not.toBe(before);
    expect(await inTour()).toBe(await inView());

    // 7: a branch that goes farther
    await next(panel);
    await panel.getByRole("button", { name: "From step 0 with learning rate 0.03" }).click();
    await told(panel).filter({ hasText: "(run 2, step 24)" }).waitFor();
    const change = /from (\S+) \(run 1, step 24\) to (\S+) \(run 2/.exec(
      (await told(panel).textContent()) ?? "",
    );
    expect(numbersIn(await finding.textContent())?.[0]).toBe(change?.[2]);
    expect(Number(change?.[2].replace("−", "-"))).toBeLessThan(Number(change?.[1]));
    await panel.getByRole("button", { name: "run 1" }).click();
    expect(numbersIn(await finding.textContent())?.[0]).toBe(change?.[1]);

    // 8: ablation, with the number of the view
    await next(panel);
    await panel.getByRole("button", { name: "L0H1" }).click();
    await told(panel).filter({ hasText: "With L0H1 set to its mean" }).waitFor();
    const [effect] = /\d\.\d{3}/.exec((await told(panel).textContent()) ?? "") ?? [];
    const row = page.getByRole("region", { name: "Edits" }).getByRole("row").filter({ hasText: "L0H1" });
    await row.filter({ hasText: String(effect) }).waitFor();
    await panel.getByRole("button", { name: "Give all back" }).click();
    await row.waitFor({ state: "detached" });

    // 9: the leak, and the mask that ends it
    await next(panel);
    await told(panel).filter({ hasText: "Alarm at position" }).waitFor();
    await page.getByText("Leak alarm.").waitFor();
    await panel.getByRole("button", { name: "Train the same with a causal mask" }).click();
    await told(panel).filter({ hasText: "No alarm at step 24" }).waitFor();
    expect(await page.getByText("Leak alarm.").count()).toBe(0);
    await panel.getByRole("button", { name: "Keep what persists here" }).click();
    await panel.getByText("Kept under Findings.").waitFor();
    expect(await panel.getByLabel("Whoever opens it").inputValue()).toMatch(/#preset=causal(?!.*tour=)/);
    await panel.getByRole("button", { name: "Finish" }).click();
    expect(await panel.count()).toBe(0);
    expect(await page.locator("#tour").evaluate((element) => element === document.activeElement)).toBe(true);
    await page.locator("#tab-findings").click();
    expect(await page.getByRole("textbox", { name: "Title of finding 1" }).inputValue()).toContain("step 24");
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  test("is offered once, opens by a link at any step, and is walked through by keys alone", async () => {
    const first = await studio.visit({ hash: "seeds=2&steps=4&sequences=64" });
    const { page, origin } = first;
    await page.getByRole("button", { name: "Not now" }).click();
    await page.goto(`${origin}/#seeds=2&steps=4&sequences=64&tour=5`);
    const panel = panelOf(page);
    await panel.getByRole("heading", { name: "What persists" }).waitFor();
    await page.reload();
    await panel.getByRole("heading", { name: "What persists" }).waitFor();
    await expect.poll(() => panel.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press("ArrowLeft");
    await panel.getByRole("heading", { name: "What a feature is" }).waitFor();
    await page.keyboard.press("4");
    await panel.getByRole("heading", { name: "Watch them learn" }).waitFor();
    expect(await page.locator("#tab-training").getAttribute("aria-selected")).toBe("true");
    await page.waitForFunction(() => location.hash.includes("tour=3"));
    await page.keyboard.press("Escape");
    expect(await panel.count()).toBe(0);
    expect(await page.getByRole("button", { name: "Not now" }).count()).toBe(0);
    expect(first.complaints).toEqual([]);
    await first.close();
  });

  test("says what networks lack that have no MLP, and begins a run that has one", async () => {
    const changes = encodeURIComponent(JSON.stringify({ attnOnly: true }));
    const visit = await studio.visit({ hash: `seeds=2&steps=4&sequences=64&changes=${changes}&tour=2` });
    const panel = panelOf(visit.page);
    await panel.getByText("These networks have no MLP neurons").waitFor();
    await panel.getByRole("button", { name: "Begin a run of original as it is" }).click();
    await told(panel).filter({ hasText: "mean selectivity" }).waitFor();
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  const looks = [
    ["beside the page", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
    ["as a strip on a phone, in the dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
  ] as const;

  test.each(looks)(
    "has no accessibility violation at any step %s, and nothing lies behind it",
    async (_, context) => {
      const hash = "preset=causal&seeds=2&steps=4&sequences=64&at=4&tour=0";
      const visit = await studio.visit({ hash, context });
      const { page } = visit;
      const panel = panelOf(page);
      await page.getByText("trained, 2 seeds").waitFor();
      await page.evaluate(axeSource);
      for (const step of tourSteps) {
        await page.waitForLoadState("networkidle");
        const { violations } = await page.evaluate(
          async (within) => {
            const { axe } = globalThis as unknown as { axe: { run(within: string): Promise<AxeResults> } };
            return axe.run(within);
          },
          step === tourSteps[0] ? "html" : "aside", // the views have a test of their own
        );
        const found = violations.map(
          ({ id, nodes }) => `${step}: ${id}: ${nodes.map(({ html }) => html).join(" ")}`,
        );
        expect(found).toEqual([]);
        const hidden = await page.evaluate(() => {
          const main = document.querySelector("main") as HTMLElement;
          return Math.max(
            main.scrollWidth - main.clientWidth,
            document.documentElement.scrollWidth - innerWidth,
          );
        });
        expect(`${step}: ${hidden}`).toBe(`${step}: 0`);
        if (step !== tourSteps[tourSteps.length - 1]) await next(panel);
      }
      expect(visit.complaints).toEqual([]);
      await visit.close();
    },
  );
});
