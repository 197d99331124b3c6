import { csvText } from "../../src/cli/runList/queryText.ts";
import { settingsCode } from "../../studio/src/exports/notebookCode.ts";
import { attack } from "../../test/figures/hostile.ts";
import type { Check } from "../check.ts";
import { withProgram } from "../crash/commandLine.ts";
import { type Shown, shownInBrowser } from "./browserPages.ts";
import { type Printed, printedByCommands } from "./terminal.ts";

/** What spreadsheets take for formulas, in cells and as the names of columns. */
const formulas = [
  "=1+1",
  "+1",
  "-1+1",
  "@SUM(A1)",
  "\t=1",
  "\r=1",
  '=HYPERLINK("http://evil.test")',
  "=cmd|' /C calc'!A0",
];

/** Cells of a table that a spreadsheet would run. */
function formulaCells(): string[] {
  const csv = csvText({ names: [...formulas], rows: [[...formulas]], types: [] } as never);
  const cells = csv.split("\n").flatMap((line) => line.match(/"(?:[^"]|"")*"|[^,]+/g) ?? []);
  return cells.filter((cell) => /^"?[=+\-@\t\r]/.test(cell)).map((cell) => `CSV holds the formula ${cell}`);
}

/** What takes control characters out of the command line's texts, left out. */
const unescaped = {
  find: /return stripVTControlCharacters\(text\)\.replace\(unprintable[$\d]*, ""\);/,
  replace: "return text;",
};

/** Code of a notebook in which a name is more than a text. */
function notebookCode(): string[] {
  const settings = { seeds: [0, 1], init: { scheme: attack }, optimizer: attack, probe: "trained" };
  const code = settingsCode(settings as never, attack as never, { actFn: attack as never }, [0]);
  const texts = code.split(JSON.stringify(attack)).length - 1;
  const rest = code.replaceAll(JSON.stringify(attack), "");
  const isCode = texts !== 4 || /alert|onerror/.test(rest);
  return isCode ? ["a notebook's code holds a name that is no text"] : [];
}

const nowhere: Shown = { pages: 0, figures: 0, texts: 0, failures: [] };
const unprinted: Printed = { outputs: 0, shown: 0, failures: [] };

/** C8: names in what is shown. */
export const injection: Check = {
  id: "C8",
  promise:
    "A name out of a file steers no terminal, runs no formula, and is text in every report, figure, notebook and page of the studio.",
  weakenings: ["terminal-escaping", "markup-escaping"],
  async run(_, { without }) {
    const patches = without === "terminal-escaping" ? [unescaped] : [];
    const printed =
      without === "markup-escaping" ? unprinted : await withProgram(patches, {}, printedByCommands);
    const shown = without === "terminal-escaping" ? nowhere : await shownInBrowser(without === undefined);
    const failures = [...printed.failures, ...shown.failures, ...formulaCells(), ...notebookCode()];
    if (without === undefined && printed.shown < printed.outputs / 4)
      failures.push("the commands hardly showed the names");
    if (without === undefined && shown.texts < shown.figures)
      failures.push("the pages hardly showed the names");
    return {
      figure: `${failures.length} of ${printed.outputs} outputs, ${2 * formulas.length} cells, ${shown.figures} figures and ${shown.pages} pages obeyed a name`,
      count: printed.outputs + 2 * formulas.length + shown.figures + shown.pages,
      coverage: {
        outputs: printed.outputs,
        "outputs with the name": printed.shown,
        cells: 2 * formulas.length,
        figures: shown.figures,
        pages: shown.pages,
        "names on pages": shown.texts,
      },
      failures,
    };
  },
};
