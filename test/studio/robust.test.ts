/** The studio in the hands of somebody in a hurry, with strange wishes, broken links and workers that die. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { presets } from "../../src/model/config.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { type OpenStudio, openStudio, type StudioVisit } from "./openStudio.ts";

describe.skipIf(leftOut)("the studio", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
  const status = (page: Page, text: string) => page.locator(".status", { hasText: text }).waitFor();
  const step = async (page: Page) => Number(await page.locator(".time b").textContent());
  const alarm = async (page: Page) => {
    await page.getByRole("alert").waitFor();
    return page.getByRole("alert").textContent();
  };
  const address = (page: Page) => page.evaluate(() => location.hash.slice(1));
  const follow = (page: Page, hash: string) => page.evaluate((to) => location.replace(`#${to}`), hash);

  async function done({ page, complaints, close }: StudioVisit, expected: string[] = []): Promise<void> {
    expect(complaints).toEqual(expected);
    expect(await page.locator("#view").count()).toBe(1);
    await close();
  }

  test("pause, step and play in quick succession end as the last press says, and the focus stays", async () => {
    const visit = await studio.visit({ hash: "preset=causal&seeds=4&steps=2000&sequences=64&view=training" });
    const { page } = visit;
    await status(page, "before the first update");
    await page.getByRole("button", { name: "Play", exact: true }).focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press("Enter"); // play, pause, play, pause, play
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe("Pause");
    await press(page, "Pause");
    await press(page, "Step");
    await status(page, "paused");
    const before = await step(page);
    await press(page, "Step");
    await page.waitForFunction(
      (at) => document.querySelector(".time b")?.textContent === at,
      `${before + 1}`,
    );
    await press(page, "Play");
    await press(page, "Pause");
    await press(page, "Play");
    await page.waitForFunction(
      (at) => Number(document.querySelector(".time b")?.textContent) > at,
      before + 5,
    );
    await status(page, "training");
    await done(visit);
  });

  test("whoever goes back in time, or from view to view, does not stop the training", async () => {
    const visit = await studio.visit({ hash: "preset=causal&seeds=4&steps=120&sequences=64" });
    const { page } = visit;
    await status(page, "before the first update");
    await press(page, "Play");
    for (const name of ["Training", "Attention", "Residual stream", "Circuits", "Touch", "Then and now"])
      await page.getByRole("tab", { name }).click();
    await page.locator("#time").focus();
    await page.keyboard.press("Home");
    await status(page, "trained");
    expect(await step(page)).toBe(0);
    await page.keyboard.press("End");
    expect(await step(page)).toBe(120);
    await done(visit);
  });

  test("a task that needs another size brings it along, and takes it away again", async () => {
    const visit = await studio.visit({ hash: "seeds=4&steps=2&sequences=64" });
    const { page } = visit;
    const task = page.locator("#task");
    for (const preset of Object.keys(presets)) {
      await page.locator("#preset").selectOption(preset);
      await task.selectOption("modularAddition");
      await page.getByText("modularAddition has sequences of 4 tokens, 24 different ones").waitFor();
      await press(page, "New run");
      await page.locator("li.current", { hasText: "modularAddition" }).waitFor();
      await status(page, "before the first update");
      await press(page, "Step");
      await status(page, "paused");
      await task.selectOption("sorting");
      expect(await page.getByText("modularAddition has sequences").count()).toBe(0);
      await press(page, "New run");
      await page.locator("li.current", { hasText: "sorting" }).waitFor();
      expect(await page.locator("li.current").textContent()).not.toContain("nCtx");
      expect(await page.getByRole("alert").count()).toBe(0);
      await task.selectOption("patterns");
    }
    await done(visit);
  });

  test("a broken link is said in a sentence that stays, also where it is the first thing that the page sees", async () => {
    const visit = await studio.visit();
    const { page } = visit;
    const broken = [
      ["lr=fast", 'link: lr: is not what a run can have; got "fast".'],
      ["task=modularAddition", "modular addition: needs nCtx 4"],
      ["tsak=random", "link: no such name among"],
      ["seeds=1", "link: seeds: is not what a run can have; got 1."],
      ["branches=[7]", "link: branches: must be a list of steps with settings."],
      [
        'branches=[{"step":500}]',
        "link: branches: must begin by step 160, the last of the run before; got 500.",
      ],
      ['changes={"dModel":256,"dMlp":1024,"nLayers":12}', "size: a run of the page may "],
      ['changes={"nCtx":2}', "sequence length: tuning is to tokens and positions"],
      ["at=-1", "link: at: must be a step; got -1."],
    ] as const;
    await page.goto("about:blank");
    await page.goto(`${visit.origin}/#${broken[0][0]}`);
    expect(await alarm(page)).toBe(broken[0][1]);
    for (const [hash, sentence] of broken.slice(1)) {
      await follow(page, hash);
      await page.getByRole("alert").filter({ hasText: sentence }).waitFor();
      await status(page, "before the first update, 16 seeds");
      expect(await page.getByRole("alert").count()).toBe(1);
    }
    await done(visit);
  });

  test("of links that come while another is being followed the last one holds", async () => {
    const visit = await studio.visit({ hash: "preset=causal&seeds=4&steps=20&sequences=64" });
    const { page } = visit;
    await status(page, "before the first update");
    await follow(page, 'seeds=4&steps=5000&branches=[{"step":4000,"lr":0.01}]&at=4500');
    await page.locator("li.current", { hasText: "steps 5000" }).waitFor();
    await follow(page, "preset=causal&seeds=6&steps=20&sequences=64&at=8&view=training");
    await status(page, "paused, 6 seeds");
    await page.waitForFunction(() => location.hash.includes("seeds=6") && location.hash.includes("at=8"));
    expect(await page.getByLabel("Runs", { exact: true }).getByRole("listitem").count()).toBe(3);
    // a person who shows or removes a run has left the link
    await follow(page, "preset=causal&seeds=4&steps=90000&sequences=64&at=80000");
    await page.locator("li.current", { hasText: "steps 90000" }).waitFor();
    await press(page, "run 1");
    await page.waitForFunction(() => /steps=20&sequences=64&seeds=4$/.test(location.hash));
    await follow(page, "preset=causal&seeds=4&steps=80000&sequences=64&at=70000");
    await page.locator("li.current", { hasText: "steps 80000" }).waitFor();
    await page
      .locator("li.current")
      .getByRole("button", { name: /^Remove/ })
      .click();
    await page.waitForFunction(() => location.hash.includes("steps=90000"));
    await done(visit);
  });

  test("a branch of a branch stays whole when the runs that it comes from are removed, and its link computes it", async () => {
    const visit = await studio.visit({
      hash: "preset=causal&seeds=4&steps=32&sequences=64&view=training&at=32",
    });
    const { page } = visit;
    await status(page, "trained");
    // the second branch begins before the first one
    for (const [at, lr] of [
      [16, "0.02"],
      [8, "0.03"],
    ] as const) {
      await page.locator("#time").focus();
      await page.keyboard.press("Home");
      while ((await step(page)) < at) await page.keyboard.press("ArrowRight");
      await press(page, "Branch here");
      await page.locator("#branch-lr").fill(lr);
      await press(page, "Begin the branch");
      await status(page, "before its own first update");
      await page.getByLabel("Pace").selectOption("as fast as it goes");
      await press(page, "Play");
      await status(page, "trained");
    }
    await press(page, "Remove run 1");
    await press(page, "Remove run 2");
    await page.waitForFunction(() => /lr%22:0.03.*at=32&/.test(location.hash));
    const drawn = async () => {
      await page.locator("#figure-loss-curves svg text", { hasText: /^30$/ }).waitFor(); // of 32 steps
      return page.locator("#figure-loss-curves svg").innerHTML();
    };
    const [first, hash] = [await drawn(), await address(page)];
    await page.reload();
    await status(page, "trained");
    expect(await address(page)).toBe(hash);
    expect(await drawn()).toBe(first);
    await done(visit);
  });

  test("networks that diverge are told in every view, from the step on from which they are", async () => {
    const hash = 'optimizer=sgd&lr=1000&seeds=4&steps=20&at=20&changes={"normalization":"none"}';
    const visit = await studio.visit({ hash: encodeURI(hash) });
    const { page } = visit;
    await status(page, "trained");
    for (const name of ["Then and now", "Training", "Attention", "Residual stream", "Circuits", "Touch"]) {
      await page.getByRole("tab", { name }).click();
      await page.getByText(/^All 4 seeds diverged, from step \d+ on: /).waitFor();
    }
    await page.locator("#time").focus();
    await page.keyboard.press("Home");
    await page.getByText(/^All 4 seeds diverged/).waitFor({ state: "detached" });
    await done(visit);
  });

  test("a finding that one tab keeps is there in the others, and none is lost", async () => {
    const hash = "preset=causal&seeds=4&steps=2&sequences=64&view=training";
    const visit = await studio.visit({ hash });
    const { page } = visit;
    await status(page, "before the first update");
    const other = await page.context().newPage();
    await other.goto(`${visit.origin}/#${hash}`);
    await status(other, "before the first update");
    for (const tab of [page, other]) {
      await tab.getByRole("button", { name: "Keep this finding" }).first().click();
      await tab.getByText("Kept under Findings.").waitFor();
    }
    for (const tab of [page, other]) {
      await tab.getByRole("tab", { name: "Findings" }).click();
      expect(await tab.getByRole("textbox", { name: /^Title of finding/ }).count()).toBe(2);
    }
    await done(visit);
  });

  /** The built worker of a kind, which then throws outside of any call. */
  async function dying(page: Page, kind: string, after: number): Promise<void> {
    await page.context().route(`**/assets/${kind}-*.js`, async (route) => {
      const response = await route.fetch();
      const source = await response.text();
      const body = `${source};setTimeout(() => { throw new Error("no memory left"); }, ${after});`;
      await route.fulfill({ response, body });
    });
  }

  test("a worker that dies fails its run in a sentence, and the next run begins afresh", async () => {
    const visit = await studio.visit({ hash: "preset=causal&seeds=4&steps=5000&sequences=64" });
    const { page } = visit;
    await status(page, "before the first update");
    await dying(page, "trainWorker", 400);
    await follow(page, "preset=causal&seeds=4&steps=90000&sequences=64&at=80000");
    expect(await alarm(page)).toBe(
      "This run failed; what was seen of it stays, and a new run begins afresh. Uncaught Error: no memory left",
    );
    await status(page, "failed");
    expect(await page.getByRole("button", { name: "Play", exact: true }).isDisabled()).toBe(true);
    await page.context().unrouteAll({ behavior: "wait" });
    await press(page, "New run");
    await status(page, "before the first update");
    await press(page, "Step");
    await status(page, "paused");
    await page.waitForFunction(() => location.hash.includes("at=1"));
    await done(visit);
  });

  test("a view whose worker dies says so, and has a new one at the next question", async () => {
    const visit = await studio.visit();
    const { page } = visit;
    await page.goto("about:blank");
    await dying(page, "lookWorker", 0);
    await page.goto(`${visit.origin}/#preset=causal&seeds=4&steps=20&sequences=64&view=attention`);
    await page.getByText("no memory left").first().waitFor();
    await page.context().unrouteAll({ behavior: "wait" });
    await press(page, "Step");
    await page.locator("#view svg").first().waitFor();
    await done(visit);
  });

  test("on a phone the form of a new run is out of the way until it is wanted", async () => {
    const visit = await studio.visit({
      hash: "preset=causal&seeds=4&steps=2&sequences=64",
      context: { viewport: { width: 390, height: 844 } },
    });
    const { page } = visit;
    await status(page, "before the first update");
    expect(await page.locator("#task").isVisible()).toBe(false);
    await page.getByText("New run", { exact: true }).first().click();
    await page.locator("#task").selectOption("random");
    await press(page, "New run");
    await page.locator("li.current", { hasText: "task random" }).waitFor();
    await done(visit);
  });
});
