/**
 * Notebooks from readable sources: a program in cells, run by the kernel, becomes an `.ipynb` file with its outputs.
 *
 * A source is TypeScript in the percent format that editors know. `// %%` begins a cell of code and `// %% [markdown]` one
 * of prose, in comments. Two things are our own: in prose, `{{expression}}` is replaced by its value at that place, so that
 * no number is typed by hand; and a cell `// %% [check]` holds statements, each an expression that has to be true. It says
 * in code what the prose before it says in words, and does not appear in the notebook.
 */
import type { Kernel, Output } from "./kernel.ts";

/** A piece of a source. */
export interface SourceCell {
  kind: "markdown" | "code" | "check";
  text: string;
  /** Line of the source on which it begins, from 1. */
  line: number;
}

/** A notebook as nbformat 4.5 writes it, text as lists of lines. */
export interface Notebook {
  cells: NotebookCell[];
  metadata: Record<string, unknown>;
  nbformat: 4;
  nbformat_minor: 5;
}
export type NotebookCell =
  | { cell_type: "markdown"; id: string; metadata: object; source: string[] }
  | {
      cell_type: "code";
      execution_count: number;
      id: string;
      metadata: object;
      outputs: Output[];
      source: string[];
    };

const metadata = {
  kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
  language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
};

/** Cells of a source, in order. */
export function sourceCells(source: string): SourceCell[] {
  const lines = source.split("\n");
  const starts = [...lines.keys()].filter((at) => /^\/\/ %%/.test(lines[at]));
  return starts.map((start, i) => {
    const body = lines.slice(start + 1, starts[i + 1]);
    const tag = /^\/\/ %% \[(markdown|check)\]$/.exec(lines[start])?.[1] as "markdown" | "check" | undefined;
    const text = tag === "markdown" ? body.map((line) => line.replace(/^\/\/ ?/, "")) : body;
    return { kind: tag ?? "code", text: text.join("\n").trim(), line: start + 1 };
  });
}

/** Lines that keep their ends, as notebooks have them. */
const withEnds = (text: string) => text.split(/(?<=\n)/);

/** Text of a field that is a list of lines or a text. */
export const joined = (text: unknown) => (Array.isArray(text) ? text.join("") : String(text));

function inLines(output: Output): Output {
  if (!("data" in output)) return output;
  const data = Object.entries(output.data).map(([type, value]) => [
    type,
    typeof value === "string" ? withEnds(value) : value,
  ]);
  return { ...output, data: Object.fromEntries(data) };
}

/**
 * Runs a source and makes its notebook.
 *
 * @param name    of the source, for messages
 * @param kernel  a fresh one
 * @throws Error with name and line if a cell fails or prints, an expression in prose does, or a check is not true
 */
export async function runSource(name: string, source: string, kernel: Kernel): Promise<Notebook> {
  const cells: NotebookCell[] = [];
  let count = 0;
  for (const { kind, text, line } of sourceCells(source)) {
    const fail = (what: string): never => {
      throw new Error(`notebook ${name}, cell on line ${line}: ${what}`);
    };
    const run = async (code: string) => {
      const outputs = await kernel.execute(code);
      for (const output of outputs) {
        if (output.output_type === "error") fail(`${output.ename}: ${output.evalue}\n${code}`);
        // the kernel may publish printed text after it has said that the cell is done
        if (output.output_type === "stream") fail("prints; end it with what it shows instead");
      }
      return outputs;
    };
    const textOf = async (expression: string) => {
      const [output] = await run(
        `({ [Symbol.for("Jupyter.display")]: () => ({ "text/plain": String(${expression}) }) })`,
      );
      return output?.output_type === "execute_result"
        ? joined(output.data["text/plain"])
        : fail(`no value: ${expression}`);
    };
    const id = `cell-${cells.length + 1}`;
    if (kind === "check") {
      for (const expression of text.split(/;(?:\n|$)/).filter((each) => each.trim() !== ""))
        if ((await textOf(`(${expression}) === true`)) !== "true")
          fail(`the prose is not true any more: ${expression}`);
    } else if (kind === "markdown") {
      let written = text;
      for (const [place, expression] of text.matchAll(/\{\{([\s\S]+?)\}\}/g)) {
        const value = await textOf(expression);
        written = written.replace(place, () => value);
      }
      cells.push({ cell_type: "markdown", id, metadata: {}, source: withEnds(written) });
    } else {
      const outputs = (await run(text)).map((output) =>
        inLines("execution_count" in output ? { ...output, execution_count: count + 1 } : output),
      );
      count += 1;
      cells.push({
        cell_type: "code",
        execution_count: count,
        id,
        metadata: {},
        outputs,
        source: withEnds(text),
      });
    }
  }
  return { cells, metadata, nbformat: 4, nbformat_minor: 5 };
}

/** A notebook as the text of its file. */
export function notebookText(notebook: Notebook): string {
  return `${JSON.stringify(notebook, null, 1)}\n`;
}
