/** Opening and saving runs by a person's clicks. What is compared is written by the built command line: `npm run build`. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { AxeResults } from "axe-core";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memorySource } from "../../src/record/byteSource.ts";
import { readManifest } from "../../src/record/manifest.ts";
import { openRunArchive, writeRunArchive } from "../../src/record/runArchive.ts";
import { type OpenedRun, openRun } from "../../src/studies/persistence/openRun.ts";
import { leftOut } from "../browser/openBrowser.ts";
import { saveRun } from "../cli/savedRun.ts";
import { type OpenStudio, openStudio, type StudioVisit } from "./openStudio.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const root = join(import.meta.dirname, "../..");

/** All files of a run folder but its log, by their paths. */
function filesOf(folder: string): Map<string, Uint8Array> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "log.jsonl")
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    files.map((file) => [relative(folder, file).replaceAll("\\", "/"), new Uint8Array(readFileSync(file))]),
  );
}

/** Reads files that are in memory as a run. */
const openFiles = (files: ReadonlyMap<string, Uint8Array>): Promise<OpenedRun> =>
  openRun({ name: "run", bytes: async (path) => files.get(path)?.slice() ?? new Uint8Array(0) });

/** The files of an archive. */
async function unpacked(file: string): Promise<Map<string, Uint8Array>> {
  const archive = await openRunArchive(memorySource("run.zip", new Uint8Array(readFileSync(file))));
  const files = new Map<string, Uint8Array>();
  for (const path of archive.paths) files.set(path, await archive.bytes(path));
  return files;
}

/** All of a run as one ZIP file. */
const packed = (files: Iterable<readonly [string, Uint8Array]>) =>
  Buffer.concat([...writeRunArchive(files, { folder: "run" })]);

describe.skipIf(leftOut)("runs in the studio", () => {
  let studio: OpenStudio;
  let scratch = "";
  let clRun = "";
  let clFiles: Map<string, Uint8Array>;
  const small = "preset=causal&steps=12&sequences=64&seeds=5";

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "palimpsest-runs-"));
    clRun = join(scratch, "of-the-command-line");
    const asked = `study persistence --preset causal --seeds 5 --steps 12 --sequences 64 --workers 1 --out ${clRun}`;
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, "bin/palimpsest.js"), ...asked.split(" ")],
      { cwd: scratch, encoding: "utf8" },
    );
    expect(stderr).not.toContain("rror");
    expect(status).toBe(0);
    clFiles = filesOf(clRun);
    studio = await openStudio();
  });
  afterAll(async () => {
    await studio?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function finish({ complaints, close }: StudioVisit): Promise<void> {
    expect(complaints).toEqual([]);
    await close();
  }

  const play = async (page: Page) => {
    await page.getByLabel("Pace").selectOption("as fast as it goes");
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByText("trained, 5 seeds").waitFor();
  };

  /** The file that a click leaves among the downloads. */
  async function downloaded(page: Page, button: string): Promise<string> {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: button, exact: true }).click(),
    ]);
    const file = join(scratch, `${Math.floor(performance.now())}-${download.suggestedFilename()}`);
    await download.saveAs(file);
    return file;
  }

  /** A table of measurements as numbers by what they are of. */
  const byName = (rows: readonly Record<string, unknown>[]) =>
    new Map(
      rows.map(({ model, seed, step, site, unit, statistic, value }) => [
        [model, seed, step, site, unit ?? "", statistic].join(" "),
        value,
      ]),
    );
  const readTable = async (file: string) =>
    parquetReadObjects({ file: await asyncBufferFromFile(file) }) as Promise<Record<string, unknown>[]>;
  const tablesOf = async (folder: string) => {
    // without the table of seeds, whose rows are made from these
    const names = readdirSync(join(folder, "measurements")).filter(
      (name) => !name.endsWith("-seeds.parquet"),
    );
    const tables: Record<string, unknown>[][] = [];
    for (const name of names.sort()) tables.push(await readTable(join(folder, "measurements", name)));
    return byName(tables.flat());
  };

  /** The manifests say the same but for who computed it. */
  function expectSameRun(files: ReadonlyMap<string, Uint8Array>): void {
    expect([...files.keys()].sort()).toEqual([...clFiles.keys()].sort());
    const different = [...files].filter(([path, bytes]) => Buffer.compare(bytes, clFiles.get(path)!) !== 0);
    expect(different.map(([path]) => path)).toEqual(["manifest.json"]);
    const [page, commandLine] = [files, clFiles].map((of) =>
      readManifest(of.get("manifest.json") as Uint8Array, "manifest.json"),
    );
    expect(page.versions).toEqual({
      palimpsest: commandLine.versions.palimpsest,
      browser: `Chromium ${studio.browser.version().split(".")[0]}`,
    });
    const besides = { versions: null, sha256: null };
    expect({ ...page, ...besides }).toEqual({ ...commandLine, ...besides });
  }

  test("a population that was trained to its end is saved as the command line's run, to the byte, on the server and as an archive", async () => {
    const visit = await studio.visit({ hash: small });
    const { page } = visit;
    await play(page);
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Save in runs/" }).click();
    await page.getByText(/^Saved as runs\/persistence-/).waitFor();
    const [name] = readdirSync(join(studio.cwd, "runs"));
    expectSameRun(filesOf(join(studio.cwd, "runs", name)));
    const archive = await downloaded(page, "Download as .zip");
    expect(archive).toContain("persistence-causal-5-seeds-12-steps.zip");
    expectSameRun(await unpacked(archive));
    await finish(visit);
  });

  test("a branched population that was stopped is saved as it stands, opens again, and is computed again to the bit", async () => {
    const visit = await studio.visit({ hash: `${small}&view=training` });
    const { page } = visit;
    await page.getByText("before the first update, ").waitFor();
    await page.getByRole("button", { name: "Step", exact: true }).click();
    await page.getByText("paused, 5 seeds").waitFor();
    await page.getByRole("button", { name: "Branch here" }).click();
    await page.getByLabel("Learning rate").last().fill("0.05");
    await page.getByRole("button", { name: "Begin the branch" }).click();
    await page.getByText(/^from run \d at step 1/).waitFor();
    for (const step of [2, 3]) {
      await page.getByRole("button", { name: "Step", exact: true }).click();
      await page.getByText(`Step ${step} of 12`).waitFor();
      await page.getByText("paused, 5 seeds").waitFor();
    }
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const archive = await downloaded(page, "Download as .zip");
    const run = await openFiles(await unpacked(archive));
    expect([run.manifest.study, run.manifest.status]).toEqual(["studio", "interrupted"]);
    expect(run.branches).toEqual([{ step: 1, lr: 0.05 }]);
    expect(run.populations.get("causal")?.steps).toEqual([0, 1, 2, 3]);

    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByLabel("Or a .zip of one").setInputFiles(archive);
    await page.getByText(/studio-causal.* is open as run \d\.$/).waitFor();
    await page.getByText("trained elsewhere, 5 seeds").waitFor();
    expect(await page.getByRole("button", { name: "Play" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Train again from the initialisation" }).click();
    await page.getByText(/bit for bit, up to step 3\s+\(4 of 4 checkpoints\)/).waitFor();
    await finish(visit);
  });

  test("a run of the command line opens with the studio, and its numbers are those of its tables", async () => {
    const visit = await studio.visit({ run: clRun });
    const { page } = visit;
    await page.getByText("trained elsewhere, 5 seeds").waitFor();
    await page.getByRole("slider", { name: /Step/ }).first().focus();
    await page.keyboard.press("Home");
    await page.getByText("Step 0 of 12").waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const file = await downloaded(page, "Parquet");
    const [inPage, inFolder] = [byName(await readTable(file)), await tablesOf(clRun)];
    expect(inFolder.size).toBeGreaterThan(10_000);
    expect(inPage).toEqual(inFolder);
    const csv = readFileSync(await downloaded(page, "CSV"), "utf8").split("\r\n");
    expect(csv.length).toBe(inFolder.size + 2); // a line of names, and nothing after the last end
    await page.getByRole("button", { name: "Train again from the initialisation" }).click();
    await page.getByText(/bit for bit, up to step 12/).waitFor();
    await finish(visit);
  });

  test("a folder or an archive that is dropped onto the page opens, from the list too; what is broken is refused in a sentence", async () => {
    mkdirSync(join(studio.cwd, "runs"), { recursive: true });
    cpSync(clRun, join(studio.cwd, "runs/copied"), { recursive: true });
    mkdirSync(join(studio.cwd, "runs/broken"), { recursive: true });
    writeFileSync(join(studio.cwd, "runs/broken/manifest.json"), "{}");
    const visit = await studio.visit({ hash: small });
    const { page } = visit;
    await page.getByText("before the first update, 5 seeds").waitFor();

    /** Drops files as the browser does. */
    const drop = async (name: string, content: Buffer) => {
      const transfer = await page.evaluateHandle(
        ({ name, text }) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const made = new DataTransfer();
          made.items.add(new File([bytes], name));
          return made;
        },
        { name, text: content.toString("base64") },
      );
      await page.locator("h1").dispatchEvent("drop", { dataTransfer: transfer });
    };
    const runs = page.getByRole("list", { name: "Runs" }).getByRole("listitem");
    const before = await runs.count();
    await drop("good.zip", packed(clFiles));
    await page.getByText(/Opened from good\.zip, with its \d checkpoints/).waitFor();

    const damaged = new Map(clFiles);
    const path = "checkpoints/causal-step-000012.safetensors";
    damaged.set(
      path,
      clFiles.get(path)!.map((byte, at) => (at === 5000 ? byte ^ 1 : byte)),
    );
    await drop("damaged.zip", packed(damaged));
    await page.getByText(`damaged.zip/${path}: the manifest says SHA-256`).waitFor();
    await drop("none.zip", Buffer.from("not a zip"));
    await page
      .getByRole("alert")
      .getByText(/^none\.zip/)
      .waitFor();
    await drop("notes.txt", Buffer.from("notes"));
    await page
      .getByRole("alert")
      .getByText("files: must be a run folder, with its manifest.json; got none.")
      .waitFor();
    expect(await runs.count()).toBe(before + 1);

    await page.getByLabel("A run folder").setInputFiles(clRun);
    await page.getByText(/^of-the-command-line is open as run \d\.$/).waitFor();
    await page.getByText("runs/broken cannot be opened").waitFor();
    await page.getByRole("button", { name: "runs/copied" }).click();
    await page.getByText(/^runs\/copied is open as run \d\.$/).waitFor();
    await finish(visit);
  });

  test("a folder that is dragged from the desktop opens as it lies there", async () => {
    const visit = await studio.visit({ hash: small });
    const { page } = visit;
    await page.getByText("before the first update, 5 seeds").waitFor();
    // what the browser does with a real folder, which no script of a page can make
    const protocol = await page.context().newCDPSession(page);
    const data = { items: [], files: [clRun], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const)
      await protocol.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
    await page.getByText(/Opened from of-the-command-line, with its \d checkpoints/).waitFor();
    await page.getByText("trained elsewhere, 5 seeds").waitFor();
    await finish(visit);
  });

  test("of a run with several presets one is chosen, and a run without losses is shown without them", async () => {
    saveRun(studio.cwd, "runs/two", { presets: ["original", "causal"] });
    const visit = await studio.visit({ run: join(studio.cwd, "runs/two") });
    const { page } = visit;
    await page.getByText("runs/two has 2 populations.").waitFor();
    await page.getByRole("button", { name: "Open causal, 2 checkpoints" }).click();
    await page.getByText("Opened from runs/two, with its 2 checkpoints.").waitFor();
    await page.getByText("trained elsewhere, 4 seeds").waitFor();
    await page.getByRole("tab", { name: "Training" }).click();
    await page.locator("#figure-loss-by-position svg").waitFor();
    expect(await page.locator("#figure-loss-curves").count()).toBe(0);
    // both its checkpoints hold networks as they are drawn, so training leaves the second behind
    await page.getByRole("button", { name: "Train again from the initialisation" }).click();
    await page.getByText(/weights differ at step 8, after being equal up to step 0/).waitFor();
    await finish(visit);
  });

  const looks = [
    ["on a desk, in the light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
    ["on a phone, in the dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
  ] as const;
  test.each(looks)("opening, saving and sharing have no accessibility violation %s", async (_, context) => {
    saveRun(studio.cwd, `runs/${context.colorScheme}`, {});
    const visit = await studio.visit({ hash: small, context });
    const { page } = visit;
    await page.getByText("before the first update, 5 seeds").waitFor();
    await page.evaluate(axeSource);
    for (const name of ["Open", "Save", "Share"]) {
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByRole("region", { name, exact: true }).waitFor();
      const { violations } = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
        return axe.run();
      });
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      expect(told).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    }
    await finish(visit);
  });

  test("the link is copied, or shown where the browser does not let the page copy it", async () => {
    const visit = await studio.visit({ hash: small });
    const { page } = visit;
    await page.getByText("before the first update, 5 seeds").waitFor();
    await page.getByRole("button", { name: "Share" }).click();
    const link = page.getByLabel("Link to what the page shows");
    expect(await link.inputValue()).toBe(`${visit.origin}/#${small}`);
    await page.getByText("Copied.").waitFor();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${visit.origin}/#${small}`);
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByText("it is selected, copy it from here").waitFor();
    const chosen = await link.evaluate((field: HTMLInputElement) =>
      field.value.slice(field.selectionStart ?? 0, field.selectionEnd ?? 0),
    );
    expect(chosen).toBe(`${visit.origin}/#${small}`);
    await finish(visit);
  });
});
