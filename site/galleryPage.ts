/** The gallery: every example with its picture, then every figure of the experiments and of the studio. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { galleryFigures } from "../examples/gallery.ts";
import { escapeHtml, type FigureSpec, renderFigureHtml } from "../src/figures/index.ts";

/** The examples that end with a picture, in reading order. */
const examples = {
  trainPopulation: () => import("../examples/trainPopulation.ts"),
  tuningCurves: () => import("../examples/tuningCurves.ts"),
  persistence: () => import("../examples/persistence.ts"),
  hooks: () => import("../examples/hooks.ts"),
  interp: () => import("../examples/interp.ts"),
  heads: () => import("../examples/heads.ts"),
  paths: () => import("../examples/paths.ts"),
  circuits: () => import("../examples/circuits.ts"),
} as const satisfies Record<string, () => Promise<{ figure: FigureSpec }>>;

/** Runs an example, keeping what it prints. */
async function run(
  load: () => Promise<{ figure: FigureSpec }>,
): Promise<{ figure: FigureSpec; printed: string }> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (...values: unknown[]) => void lines.push(values.join(" "));
  try {
    return { figure: (await load()).figure, printed: lines.join("\n") };
  } finally {
    console.log = log;
  }
}

/** The sentences that stand at the head of an example: the question and what it does about it. */
function headOf(source: string): { question: string; rest: string } {
  const [, text] = /^\/\*\* (.+?) \*\/$/m.exec(source) ?? ["", ""];
  const end = /[.?](?= |$)/.exec(text)?.index ?? text.length;
  return { question: text.slice(0, end + 1), rest: text.slice(end + 1).trim() };
}

/**
 * The body of the gallery.
 *
 * @param introduction  HTML that stands before the figures of the experiments
 */
export async function galleryBody(root: string, document: Document, introduction: string): Promise<string> {
  const plates: string[] = [];
  for (const [name, load] of Object.entries(examples)) {
    const source = readFileSync(join(root, "examples", `${name}.ts`), "utf8");
    const { question, rest } = headOf(source);
    const { figure, printed } = await run(load);
    plates.push(`<section class="plate" id="${name}"><h2>${escapeHtml(question)}</h2>
<p class="facts">${escapeHtml(rest)} <code>examples/${name}.ts</code></p>
${renderFigureHtml(figure, document)}
<details class="code"><summary>The program</summary><pre tabindex="0"><code>${escapeHtml(source)}</code></pre></details>
<details class="code"><summary>What it prints</summary><pre tabindex="0">${escapeHtml(printed)}</pre></details>
</section>`);
  }
  const figures = (await galleryFigures()).map((figure) => renderFigureHtml(figure, document));
  return `<h1>Gallery</h1>
<p>Each of these is a short program with its picture. The tests run them, and so did this page.</p>
${plates.join("\n")}
<h2 id="experiments">Every figure of the experiments and of the studio</h2>
${introduction}
${figures.join("\n")}`;
}
