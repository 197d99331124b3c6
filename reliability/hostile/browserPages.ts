/** Reports, figures and the studio with hostile names, in a browser that would run what it is given. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import type { Page } from "playwright-core";
import { startServer } from "../../src/cli/studio/server.ts";
import { renderFigure, renderFigureHtml } from "../../src/figures/index.ts";
import { manifestBytes } from "../../src/record/manifest.ts";
import { persistenceReport } from "../../src/studies/persistence/report.ts";
import { startBrowser } from "../../test/browser/findBrowser.ts";
import { samples } from "../../test/figures/experimentSamples.ts";
import { attack, attacked, hostileStudy } from "../../test/figures/hostile.ts";
import { lookSamples } from "../../test/figures/lookSamples.ts";

/** What a browser made of the pages. */
export interface Shown {
  readonly pages: number;
  readonly figures: number;
  /** Names on the pages that held the attack, as texts. */
  readonly texts: number;
  readonly failures: readonly string[];
}

/** Waits for what a page would do with a picture that is none and with scripts that it was given. */
const restless = 100;

/** Everything on a page that came from a name and is more than text. */
async function obeyed(page: Page, allowsScripts: boolean): Promise<string[]> {
  return page.evaluate((allowed) => {
    const wrong: string[] = [];
    if ("ran" in globalThis) wrong.push("a script ran");
    const elements = document.querySelectorAll(
      allowed ? "img[src='x']" : "img, script, iframe, object, embed",
    );
    for (const { outerHTML } of elements) wrong.push(`made ${outerHTML.slice(0, 80)}`);
    for (const element of document.querySelectorAll("*"))
      for (const name of element.getAttributeNames()) if (/^on/.test(name)) wrong.push(`has ${name}`);
    return wrong;
  }, allowsScripts);
}

/** Counts what would be called by the attack. */
async function watched(page: Page, complaints: string[]): Promise<void> {
  page.on("dialog", (dialog) => {
    complaints.push(`showed ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.addInitScript(() => {
    globalThis.alert = () => {
      Object.assign(globalThis, { ran: true });
    };
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`),
    );
  });
  page.on("console", (message) => {
    if (/policy:/.test(message.text())) complaints.push(message.text());
  });
}

const { document } = parseHTML("<html><body></body></html>");

/** Pages that must show the attack and not obey it. */
function hostilePages(): { html: string; figures: number }[] {
  const report = persistenceReport({
    ...hostileStudy(),
    manifestSummary: { command: attack, facts: [[attack, attack]] },
    document,
  });
  const specs = [...samples, ...lookSamples].map(({ build, data }) => build(attacked(data)));
  const figures = specs.map((spec) => renderFigureHtml(spec, document) + renderFigure(spec, document));
  const doc = (body: string) =>
    `<!doctype html><html><head><meta charset="utf-8"></head><body>${body}</body></html>`;
  return [
    // without its policy, which would forbid what escaping must prevent
    { html: report.replace(/<meta http-equiv[^>]*>/, ""), figures: 12 },
    { html: doc(figures.join("\n")), figures: specs.length },
  ];
}

/** A working directory of which every run has a hostile name. */
function hostileRuns(cwd: string): void {
  const name = attack.replaceAll("/", "\u2044");
  for (const [folder, text] of [
    [name, "[]"],
    [
      "plain",
      manifestBytes({
        ...{
          study: attack,
          status: "complete",
          command: ["train", attack],
          config: { preset: attack, [attack]: attack },
        },
        ...{ versions: { palimpsest: attack }, engine: null, files: [] },
      }),
    ],
  ] as const) {
    mkdirSync(join(cwd, "runs", folder), { recursive: true });
    writeFileSync(join(cwd, "runs", folder, "manifest.json"), text);
  }
}

/** Shows everything in a browser. @param escaped  whether names are escaped, as the program does */
export async function shownInBrowser(escaped: boolean): Promise<Shown> {
  const scratch = mkdtempSync(join(tmpdir(), "palimpsest-"));
  const failures: string[] = [];
  let [pages, figures, texts] = [0, 0, 0];
  try {
    const { browser } = await startBrowser(scratch);
    try {
      for (const each of hostilePages()) {
        const context = await browser.newContext();
        const page = await context.newPage();
        await watched(page, failures);
        const requests: string[] = [];
        page.on("request", ({ url }) => requests.push(url()));
        // what is escaped once is markup again for a page that takes it back
        const html = escaped
          ? each.html
          : each.html.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"');
        await page.goto("about:blank");
        await page.setContent(html);
        await page.waitForTimeout(restless);
        failures.push(...(await obeyed(page, false)));
        failures.push(...requests.filter((url) => url !== "about:blank").map((url) => `asked for ${url}`));
        texts += (await page.content()).split("onerror=alert(1)").length - 1;
        pages++;
        figures += each.figures;
        await context.close();
      }
      const cwd = join(scratch, "work");
      hostileRuns(cwd);
      const server = await startServer({
        ...{ page: join(process.cwd(), "dist/studio"), cwd, run: null, host: null, port: 0 },
        ...{ date: () => new Date(0), report: (error) => failures.push(`server: ${error}`) },
      });
      const context = await browser.newContext();
      const page = await context.newPage();
      await watched(page, failures);
      await page.goto(`${server.url}#preset=${encodeURIComponent(attack)}`);
      await page.getByRole("alert").waitFor();
      await page.goto(server.origin);
      await page.getByRole("button", { name: "Open", exact: true }).click();
      await page.getByText("onerror=alert(1)").first().waitFor();
      await page.waitForTimeout(restless);
      failures.push(...(await obeyed(page, true)));
      texts += await page.getByText("onerror=alert(1)").count();
      pages += 2;
      await context.close();
      await server.close();
    } finally {
      await browser.close();
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { pages, figures, texts, failures };
}
