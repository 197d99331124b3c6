/** What the tests in a browser share: a browser, a site on this machine, and pages that tell what they asked for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { startBrowser } from "./findBrowser.ts";
import { serveFolder } from "./servePage.ts";

/** A page that has loaded, and everything that it and its workers said and asked for from the first request on. */
export interface Visit {
  page: Page;
  /** Where the page came from; nothing else may be asked for anything. */
  origin: string;
  requests: string[];
  complaints: string[];
  /** Scripts of the workers that it started. */
  workers: string[];
}

/** A browser and the site that it is shown. */
export interface OpenBrowser {
  /** Which browser this is. */
  from: string;
  /**
   * Opens the site in a fresh page.
   *
   * @param ready     the global name that the page's script sets when it can be asked to do something
   * @param isolated  whether the page is served so that its threads may share memory
   */
  visit(ready: string, options?: { isolated?: boolean }): Promise<Visit>;
  close(): Promise<void>;
}

/** A machine that can have no browser says so; nobody else leaves these tests out. */
export const leftOut = process.env.PALIMPSEST_NO_BROWSER === "1";
if (leftOut)
  console.warn("browser test: left out, for PALIMPSEST_NO_BROWSER=1; nothing was checked in a browser");

/**
 * Starts a browser for a site.
 *
 * @param build  puts the site's files into a folder
 * @throws Error in one sentence if no browser can be had
 */
export async function openBrowser(build: (folder: string) => Promise<void>): Promise<OpenBrowser> {
  /** What has been opened, to be closed in the opposite order. */
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const each of closing.splice(0).reverse()) await each();
  };
  try {
    const scratch = mkdtempSync(join(tmpdir(), "palimpsest-browser-"));
    closing.push(async () => rmSync(scratch, { recursive: true, force: true }));
    const { browser, from } = await startBrowser(scratch);
    closing.push(() => browser.close());
    const site = join(scratch, "site");
    await build(site);
    return {
      from,
      async visit(ready, options) {
        const { origin, close } = await serveFolder(site, options);
        closing.push(close);
        const context = await browser.newContext();
        const [requests, complaints, workers]: string[][] = [[], [], []];
        context.on("request", (request) => requests.push(request.url()));
        const page = await context.newPage();
        page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
        page.on("pageerror", (error) => complaints.push(error.message));
        page.on("worker", (worker) => workers.push(worker.url()));
        await page.goto(origin);
        await page.waitForFunction((name) => name in globalThis, ready);
        return { page, origin, requests, complaints, workers };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
