/** The studio as a person has it: the built page, its own server, and a real browser. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { startServer } from "../../src/cli/studio/server.ts";
import { startBrowser } from "../browser/findBrowser.ts";

/** What `npm run build` leaves. */
export const builtPage = join(import.meta.dirname, "../../dist/studio");

/** A page of the studio, and all that it said and asked for. */
export interface StudioVisit {
  page: Page;
  /** Where it came from; nothing else may be asked for anything. */
  origin: string;
  requests: string[];
  /** Messages on the console, errors that nobody caught, and reports of its policy. */
  complaints: string[];
  close(): Promise<void>;
}

/** A browser and a working directory with runs. */
export interface OpenStudio {
  browser: Browser;
  from: string;
  /** The server's working directory: runs are saved in its `runs`. */
  cwd: string;
  /**
   * Starts a server and opens its address in a fresh context.
   *
   * @param run   a run folder to open, as `palimpsest studio RUN` does
   * @param hash  a link to follow
   */
  visit(options?: { run?: string; hash?: string; context?: BrowserContextOptions }): Promise<StudioVisit>;
  close(): Promise<void>;
}

/**
 * Starts a browser for the studio.
 *
 * @param flags  arguments for it besides those that every test needs
 * @throws Error in one sentence if no browser can be had, or the page was not built
 */
export async function openStudio(flags: readonly string[] = []): Promise<OpenStudio> {
  if (!existsSync(join(builtPage, "index.html")))
    throw new Error("studio test: dist/studio is not there. Build it first: npm run build.");
  const scratch = mkdtempSync(join(tmpdir(), "palimpsest-studio-"));
  const cwd = join(scratch, "work");
  const closing: (() => Promise<unknown>)[] = [async () => rmSync(scratch, { recursive: true, force: true })];
  const close = async () => {
    for (const each of closing.splice(0).reverse()) await each();
  };
  try {
    const { browser, from } = await startBrowser(scratch, process.env, flags);
    closing.push(() => browser.close());
    return {
      browser,
      from,
      cwd,
      close,
      async visit({
        run = null,
        hash = "",
        context: options = {},
      }: {
        run?: string | null;
        hash?: string;
        context?: BrowserContextOptions;
      } = {}) {
        const complaints: string[] = [];
        const server = await startServer({
          ...{ page: builtPage, cwd, run, host: null, port: 0, date: () => new Date() },
          report: (error) => complaints.push(`server: ${String(error)}`),
        });
        closing.push(() => server.close());
        const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
        const requests: string[] = [];
        context.on("request", (request) => requests.push(request.url()));
        const page = await context.newPage();
        page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
        page.on("pageerror", (error) => complaints.push(error.message));
        await page.addInitScript(() => {
          document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
            console.error(`policy: ${violatedDirective} ${blockedURI}`),
          );
        });
        await page.goto(hash === "" ? server.url : `${server.url}#${hash}`);
        return { page, origin: server.origin, requests, complaints, close: () => context.close() };
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
