/** Attention, the residual stream and circuits in Chromium, by a person's clicks. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leftOut } from "../browser/openBrowser.ts";
import { type OpenStudio, openStudio } from "./openStudio.ts";

describe.skipIf(leftOut)("looks into networks", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  const small = "preset=causal&seeds=4&steps=8&sequences=64&at=8";

  test("attention of a sequence that is typed, then beside now, with the classes of its heads", async () => {
    const visit = await studio.visit({ hash: `${small}&view=attention` });
    const { page } = visit;
    const figure = page.locator("#figure-attention-patterns-causal-at-step-8");
    await figure.waitFor();
    expect(await figure.getByText("L0H0 then").count()).toBe(1);
    expect(await figure.locator(".reading").textContent()).toContain("over the sequence 0 1 2 3 4 5 6");
    const chips = page.getByRole("group", { name: "Sequence" }).getByRole("textbox");
    await chips.first().focus();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.type("7");
    await page.getByText("over the sequence 1 7 2 3 4 5 6").waitFor();
    await page.waitForFunction(() => location.hash.includes("tokens=[1,7,2,3,4,5,6]"));
    await page.getByRole("button", { name: "Add a token" }).click();
    await expect.poll(() => chips.last().evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await chips.count()).toBe(8);
    await page.keyboard.press("Delete");
    await expect.poll(() => chips.count()).toBe(7);
    await chips.first().evaluate((field) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text", "3,3,12");
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    });
    expect(await page.getByRole("alert").textContent()).toBe('"12" is no token; these networks know 0 to 9.');
    await page.getByRole("button", { name: "Mean over a probe" }).click();
    await page.getByText("64 random halves of 4 tokens that come twice; Δ").waitFor();
    await page.getByRole("table").waitFor(); // once the null is drawn
    expect(await page.getByRole("rowheader").allTextContents()).toEqual(["L0H0", "L0H1", "L1H0", "L1H1"]);
    await page.locator("#figure-head-scores-causal-at-step-8").waitFor();
    // a figure is drawn a little after its numbers
    await page.locator("#figure-head-courses-causal-at-step-8", { hasText: "479 networks" }).waitFor();
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  test("the stream: lens, attribution of a chosen token, lengths and embeddings, all of them then and now", async () => {
    const visit = await studio.visit({ hash: `${small}&view=stream` });
    const { page } = visit;
    for (const name of [
      "lens-table-causal-at-step-0",
      "lens-table-causal-at-step-8",
      "attribution-causal-at-step-8",
    ])
      await page.locator(`#figure-${name}`).waitFor();
    for (const name of ["stream-norms", "embedding-plane", "embedding-cosines"])
      await page.locator(`#figure-${name}-causal-at-step-8`).waitFor();
    await page.getByLabel("Position", { exact: true }).selectOption("2, token 2");
    await page.getByText("logit of token 3 at position 2", { exact: true }).waitFor();
    await page.getByLabel("less that of").selectOption("9");
    await page.getByText("logit of token 3 less that of token 9 at position 2", { exact: true }).waitFor();
    await page.getByRole("button", { name: "This seed" }).click();
    await page.getByLabel("Seed", { exact: true }).selectOption("2");
    const seeds = page.locator("#figure-lens-table-causal-at-step-8 .reading");
    await expect.poll(() => seeds.textContent()).toContain("seed 2 in full, of 4 seeds");
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  test("circuits: a pair of units leads to the unit, and composition stands over its null", async () => {
    const visit = await studio.visit({ hash: `${small}&view=circuits` });
    const { page } = visit;
    await page.locator("#figure-composition-causal-at-step-8").waitFor();
    await page.locator("#figure-pairs-then-and-now-causal-at-step-8").waitFor();
    await page.getByText("4 of 4 seeds counted").waitFor();
    const pairs = page.getByRole("table", { name: "Strongest correlated pairs" });
    const unit = pairs.getByRole("button").first();
    const name = (await unit.textContent()) ?? "";
    expect(name).toMatch(/^L\dN\d+$/);
    await unit.click();
    expect(await page.getByRole("tab", { name: "Then and now" }).getAttribute("aria-selected")).toBe("true");
    const [, layer, index] = /^L(\d+)N(\d+)$/.exec(name) ?? [];
    // the address follows once the page rests; layer 0 is the default, which a link leaves out
    await page.waitForFunction((wanted) => location.hash.includes(wanted), `unit=${index}`);
    const hash = await page.evaluate(() => location.hash);
    expect(hash.includes(`layer=${layer}`) || layer === "0").toBe(true);
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  test("while a run trains, the views follow it, and no look is older than the one before", async () => {
    const visit = await studio.visit({ hash: "preset=causal&seeds=4&steps=60&sequences=64&view=attention" });
    const { page } = visit;
    const title = page.locator("#figure-attention-patterns-causal-at-step-0 h3");
    await title.waitFor();
    await page.getByLabel("Pace").selectOption("20 steps a second");
    await page.getByRole("button", { name: "Play" }).click();
    const steps: number[] = [];
    while ((await page.getByText("trained, 4 seeds").count()) === 0) {
      const text = await page.locator("[id^=figure-attention-patterns] h3").textContent();
      steps.push(Number(/at step (\d+)/.exec(text ?? "")?.[1]));
      await page.waitForTimeout(100);
    }
    await page.locator("#figure-attention-patterns-causal-at-step-60").waitFor();
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(new Set(steps).size).toBeGreaterThan(2);
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });
});
