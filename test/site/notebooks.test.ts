/** The notebooks run, and what they show is what is kept of them; here is how they are run, too. */
import { execFile } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type Kernel, type Output, startKernel } from "../../site/notebook/kernel.ts";
import { joined, type Notebook, notebookText, runSource, sourceCells } from "../../site/notebook/notebook.ts";
import { notebookNames } from "../../site/plan.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = join(root, "examples", "notebooks");
/** Largest notebook that is kept in the repository, bytes. */
const LARGEST = 400_000;

const keptText = (name: string) => readFileSync(join(folder, `${name}.ipynb`), "utf8");

test.each(notebookNames)(
  "%s: run by Deno's kernel, without Jupyter, it is the notebook that is kept, outputs included",
  async (name) => {
    const kernel = await startKernel({ root, cwd: folder });
    try {
      const source = readFileSync(join(folder, `${name}.ts`), "utf8");
      expect(notebookText(await runSource(name, source, kernel))).toBe(keptText(name));
    } finally {
      await kernel.close();
    }
    expect(Buffer.byteLength(keptText(name))).toBeLessThan(LARGEST);
  },
);

const nbconvert = (process.env.PATH ?? "")
  .split(delimiter)
  .map((place) => join(place, "jupyter-nbconvert"))
  .find((program) => {
    try {
      accessSync(program, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const outputsOf = (notebook: Notebook): Output[][] =>
  notebook.cells.map((cell) => (cell.cell_type === "code" ? cell.outputs : []));
const shown = (outputs: readonly Output[]): unknown[] =>
  outputs.map((output) =>
    "data" in output ? Object.entries(output.data).map(([type, text]) => [type, joined(text)]) : output,
  );

test.skipIf(nbconvert === undefined)(
  "persistence: Jupyter's nbconvert executes it too, to the same outputs (left out where it is not installed)",
  async () => {
    const scratch = mkdtempSync(join(tmpdir(), "palimpsest-nbconvert-"));
    try {
      const kernels = join(scratch, "kernels", "deno");
      mkdirSync(kernels, { recursive: true });
      const deno = createRequire(join(root, "package.json"))("deno/install_api.cjs").runInstall();
      const spec = {
        argv: [deno, "jupyter", "--kernel", "--conn", "{connection_file}"],
        display_name: "Deno",
        language: "typescript",
      };
      writeFileSync(join(kernels, "kernel.json"), JSON.stringify(spec));
      const options = [
        "--to",
        "notebook",
        "--execute",
        "--output-dir",
        scratch,
        join(folder, "persistence.ipynb"),
      ];
      await promisify(execFile)(nbconvert as string, options, {
        env: {
          ...process.env,
          JUPYTER_PATH: scratch,
          JUPYTER_RUNTIME_DIR: scratch,
          HOME: scratch,
          DENO_NO_UPDATE_CHECK: "1",
          NO_COLOR: "1",
        },
      });
      const executed = outputsOf(JSON.parse(readFileSync(join(scratch, "persistence.ipynb"), "utf8")));
      const kept = outputsOf(JSON.parse(keptText("persistence")));
      expect(executed).toHaveLength(kept.length);
      // nbconvert leaves a cell when the kernel rests, and this kernel may publish the result just after that: one in fifty
      // is missing on a busy machine. None may differ.
      const came = executed.flatMap((outputs, cell) =>
        outputs.length === 0 ? [] : [{ cell, outputs: shown(outputs) }],
      );
      expect(came.length).toBeGreaterThan(kept.filter((outputs) => outputs.length > 0).length / 2);
      expect(came).toEqual(came.map(({ cell }) => ({ cell, outputs: shown(kept[cell]) })));
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
);

test("a source is cut into cells of prose, code and checks", () => {
  const source =
    "// %% [markdown]\n// # Title\n//\n// Words.\n\n// %%\nconst a = 1;\na;\n\n// %% [check]\na === 1;\n";
  expect(sourceCells(source)).toEqual([
    { kind: "markdown", text: "# Title\n\nWords.", line: 1 },
    { kind: "code", text: "const a = 1;\na;", line: 6 },
    { kind: "check", text: "a === 1;", line: 10 },
  ]);
});

/** A kernel that says what it is told to. */
const saying = (answer: (code: string) => Output[]): Kernel => ({
  execute: async (code) => answer(code),
  close: async () => {},
});
const result = (text: string): Output => ({
  output_type: "execute_result",
  data: { "text/plain": text },
  metadata: {},
});

test("numbers in prose are put in, checks are left out, and cells are counted", async () => {
  const source = "// %%\n1;\n// %% [markdown]\n// It is {{1 + 1}}.\n// %% [check]\ntrue;\n// %%\n2;\n";
  const { cells } = await runSource(
    "n",
    source,
    saying((code) => [result(code.includes("1 + 1") ? "2" : "true")]),
  );
  expect(
    cells.map((cell) => [
      cell.cell_type,
      joined(cell.source),
      cell.cell_type === "code" ? cell.execution_count : null,
    ]),
  ).toEqual([
    ["code", "1;", 1],
    ["markdown", "It is 2.", null],
    ["code", "2;", 2],
  ]);
});

test.each([
  [
    "a check that is not true",
    "// %% [check]\na > b;\nc;\n",
    [result("false")],
    /n, cell on line 1: the prose is not true any more: a > b/,
  ],
  [
    "a cell that fails",
    "\n// %%\nx\n",
    [{ output_type: "error", ename: "TypeError", evalue: "no", traceback: [] }],
    /line 2: TypeError: no/,
  ],
  ["a cell that prints", "// %%\nx\n", [{ output_type: "stream", name: "stdout", text: "x" }], /prints/],
  ["prose without its value", "// %% [markdown]\n// {{x}}\n", [], /no value: x/],
] as const)("%s stops the making of a notebook", async (_, source, outputs, message) => {
  await expect(
    runSource(
      "n",
      source,
      saying(() => outputs as unknown as Output[]),
    ),
  ).rejects.toThrow(message);
});
