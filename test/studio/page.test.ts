/** The studio's page in Chromium, by a person's clicks. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leftOut } from "../browser/openBrowser.ts";
import { builtPage, type OpenStudio, openStudio, type StudioVisit } from "./openStudio.ts";

describe.skipIf(leftOut)("the studio's page", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.close());

  /** Nothing was said on the console, no policy was broken, and nothing came from elsewhere. */
  function expectQuiet({ complaints, requests, origin }: StudioVisit): void {
    expect(complaints).toEqual([]);
    const elsewhere = requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("blob:"));
    expect(elsewhere).toEqual([]);
  }

  const small = "preset=causal&seeds=6&steps=12&sequences=64";

  test("a population trains at a press of the button, and the losses are drawn", async () => {
    const visit = await studio.visit({ hash: `${small}&view=training` });
    const { page } = visit;
    await page.getByText("before the first update, 6 seeds").waitFor();
    await page.getByLabel("Pace").selectOption("as fast as it goes");
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByText("trained, 6 seeds").waitFor();
    expect(await page.locator("#figure-loss-curves svg").count()).toBe(1);
    await page.waitForFunction(() => location.hash.includes("at=12"));
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expectQuiet(visit);
    await visit.close();
  });

  test("a link computes the same run, branch included, in another browser", async () => {
    const first = await studio.visit({ hash: `${small}&view=training` });
    const { page } = first;
    await page.getByText("before the first update, ").waitFor();
    await page.getByRole("button", { name: "Step", exact: true }).click();
    await page.getByText("paused, 6 seeds").waitFor();
    await page.getByRole("button", { name: "Branch here" }).click();
    await page.getByLabel("Learning rate").last().fill("0.05");
    await page.getByRole("button", { name: "Begin the branch" }).click();
    await page.getByLabel("Pace").selectOption("as fast as it goes");
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByText("trained, 6 seeds").waitFor();
    const drawn = (of: StudioVisit) => of.page.locator("#figure-loss-curves svg").innerHTML();
    await page.waitForFunction(() => /branches=.*at=12/.test(location.hash));
    const hash = await page.evaluate(() => location.hash.slice(1));
    const second = await studio.visit({ hash });
    await second.page.getByText("trained, 6 seeds").waitFor();
    // a figure is drawn a little after its numbers
    await expect
      .poll(async () => (await drawn(second)) === (await drawn(first)), { timeout: 10_000 })
      .toBe(true);
    expectQuiet(first);
    expectQuiet(second);
    await first.close();
    await second.close();
  });

  test("any static host will do, from any path, without a single header of ours", async () => {
    const types: Record<string, string> = {
      ".html": "text/html",
      ".js": "text/javascript",
      ".css": "text/css",
    };
    const server = createServer(({ url = "" }, response) => {
      const path = new URL(url, "http://host").pathname.replace(
        /^\/some\/place\/$/,
        "/some/place/index.html",
      );
      const file = join(builtPage, path.replace(/^\/some\/place\//, ""));
      const found = path.startsWith("/some/place/") && existsSync(file);
      response.writeHead(found ? 200 : 404, { "content-type": types[extname(file)] ?? "image/svg+xml" });
      response.end(found ? readFileSync(file) : undefined);
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const page = await studio.browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => errors.push(message.text()));
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/some/place/#${small}`);
    await page.getByLabel("Pace").selectOption("as fast as it goes");
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByText("trained, 6 seeds").waitFor();
    expect(errors).toEqual([]);
    await page.close();
    server.closeAllConnections();
    server.close();
  });

  test("settings that no run can have are refused in one sentence, and the run before stays", async () => {
    const visit = await studio.visit({ hash: `${small}&lr=fast` });
    await visit.page.getByRole("alert").waitFor();
    expect(await visit.page.getByRole("alert").textContent()).toBe(
      'link: lr: is not what a run can have; got "fast".',
    );
    await visit.page.getByText("before the first update, 16 seeds").waitFor();
    expectQuiet(visit);
    await visit.close();
  });
});
