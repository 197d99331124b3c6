/** A comparison of runs for the terminal. */
import { counted } from "../../figures/index.ts";
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import { aligned, decimals, digitsFor, rangeText } from "../inspect/tables.ts";
import { lineText } from "../lineText.ts";
import type { ComparedCell, ComparedNumber } from "./compareNumbers.ts";
import type { ComparedRun, Comparison } from "./comparison.ts";
import type { ComparedFiles, Difference, FileDifference } from "./configDifferences.ts";

/** Files of a kind that are named; more are counted. */
const namedFiles = 8;
/** Characters of a value that are shown. */
const valueWidth = 40;
/** Estimators of what others estimate too: left out of the table unless they are asked for. */
const secondary = ["omega2", "epsilon2", "amount", "crossValidated"];

/** A to Z, then A1, B1 … */
function letterOf(i: number): string {
  return `${String.fromCharCode(65 + (i % 26))}${i < 26 ? "" : Math.floor(i / 26)}`;
}

/** `0-29` for a run of whole numbers, else the list; other values as JSON. */
function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return "-";
  if (Array.isArray(value) && value.length > 2) {
    const first = value[0];
    if (typeof first === "number" && value.every((item, i) => item === first + i))
      return `${first}-${first + value.length - 1}`;
  }
  const text = typeof value === "string" ? value : canonicalJson(value);
  return lineText(text.length > valueWidth ? `${text.slice(0, valueWidth - 1)}…` : text);
}

function differenceLines(differences: readonly Difference[], letters: readonly string[]): string[] {
  if (differences.length === 0) return ["Same study, config, engine and versions."];
  const rows = differences.map(({ field, values }) => [lineText(field), ...values.map(valueText)]);
  return aligned([["differs", ...letters], ...rows], { left: letters.length + 1 });
}

function fileLines(files: ComparedFiles, letters: readonly string[]): string[] {
  const { equal, different, missing } = files;
  const named = (list: readonly FileDifference[], text: (file: FileDifference) => string) => [
    ...list.slice(0, namedFiles).map((file) => `  ${lineText(text(file))}`),
    ...(list.length > namedFiles ? [`  and ${list.length - namedFiles} more`] : []),
  ];
  const holders = ({ sha256 }: FileDifference) => letters.filter((_, i) => sha256[i] !== null).join(", ");
  return [
    `Files, by the hashes in the manifests: ${equal.length} equal, ${different.length} different, ${missing.length} not in every run.`,
    ...named(different, ({ path }) => path),
    ...named(missing, (file) => `${file.path} (only ${holders(file)})`),
  ];
}

/** `5`, or `4 of 5` where seeds that were measured have no number. */
const seedsText = ({ seeds, lost }: ComparedNumber) =>
  lost === 0 ? String(seeds) : `${seeds} of ${seeds + lost}`;

/** The number of a run with its seeds, and for all but the first its difference with the seeds of that. */
function numberCells(number: ComparedNumber | null, digits: number): string[] {
  if (number === null) return ["-", "-", "-", "-"];
  const { mean, difference } = number;
  const shown = [decimals(mean, digits), seedsText(number)];
  if (difference === null) return [...shown, "-", "-"];
  if (difference.equal) return [...shown, "equal", String(difference.seeds)];
  const interval = rangeText(difference.interval, digits);
  return [...shown, `${decimals(difference.mean, digits)} ${interval}`, String(difference.seeds)];
}

function numberTable(cells: readonly ComparedCell[], letters: readonly string[]): string[] {
  const heads = letters.flatMap((letter, i) =>
    i === 0 ? [letter, "n"] : [letter, "n", `${letter} - A`, "n"],
  );
  const digitsOf = (statistic: string) => {
    const same = cells.filter((cell) => cell.statistic === statistic).flatMap(({ numbers }) => numbers);
    // one digit more than the numbers themselves: differences are smaller
    return digitsFor(same.flatMap((number) => (number === null ? [] : [number.mean]))) + 1;
  };
  const rows = cells.map(({ arm, site, statistic, numbers }) => {
    const digits = digitsOf(statistic);
    const texts = numbers.flatMap((number, i) =>
      i === 0 ? numberCells(number, digits).slice(0, 2) : numberCells(number, digits),
    );
    return [...[arm, site, statistic].map(lineText), ...texts];
  });
  return aligned([["arm", "site", "statistic", ...heads], ...rows], { left: 3 });
}

/** `A 160, B 320`, where runs end at different steps. */
function stepsText(cells: readonly ComparedCell[], letters: readonly string[]): string {
  const steps = letters.map((_, i) => Math.max(...cells.map(({ numbers }) => numbers[i]?.step ?? -1)));
  const known = steps.filter((step) => step >= 0);
  if (known.every((step) => step === known[0])) return known.length === 0 ? "" : `step ${known[0]}`;
  return letters.map((letter, i) => `${letter} ${steps[i] < 0 ? "-" : `step ${steps[i]}`}`).join(", ");
}

function numberLines({ numbers, asked }: Comparison, letters: readonly string[]): string[] {
  if (numbers.length === 0) return asked === null ? [] : ["No such statistic was measured in any of them."];
  const inSeveral = numbers.filter((cell) => cell.numbers.filter((number) => number !== null).length > 1);
  const comparable = inSeveral.length === 0 ? numbers : inSeveral;
  const main = asked !== null ? comparable : comparable.filter(({ statistic }) => !isSecondary(statistic));
  const cells = main.length === 0 ? comparable : main;
  const left = comparable.length - cells.length;
  const alone = numbers.length - comparable.length;
  return [
    `Numbers at the last step (${stepsText(cells, letters)}): means over units, then over n seeds. A difference is over the n`,
    "seeds that both have, with its 95 % t interval over them. It describes these runs and tests nothing: nothing corrects",
    "for how many there are, and a seed begins equal in both only where model and init are the same.",
    ...numberTable(cells, letters),
    ...(left > 0
      ? [`${counted(left, "row")} of ${secondary.join(", ")} not shown; --statistics shows them.`]
      : []),
    ...(alone > 0 ? [`${counted(alone, "row")} that only one run has not shown; --json has them.`] : []),
  ];
}

const isSecondary = (statistic: string) => secondary.includes(statistic.split(".")[0]);

function outcomeLines({ outcomes }: Comparison, letters: readonly string[]): string[] {
  if (outcomes.length === 0) return [];
  const rows = outcomes.map(({ study, label, values }) => {
    const digits = digitsFor(values.flatMap((value) => (value === null ? [] : [value.estimate])));
    const texts = values.map((value) =>
      value === null ? "-" : `${decimals(value.estimate, digits)} ${rangeText(value.interval, digits)}`,
    );
    return [lineText(study), lineText(label), ...texts];
  });
  return [
    "Outcomes of studies: each run's estimate with its own 95 % interval.",
    ...aligned([["study", "outcome", ...letters], ...rows], { left: 2 }),
  ];
}

/** `2 of gpt diverged`; empty where none did. */
const divergedText = ({ diverged }: ComparedRun) => {
  const counts = Object.entries(diverged);
  const arms = counts.map(([arm, count]) => (arm === "" ? String(count) : `${count} of ${lineText(arm)}`));
  return counts.length === 0 ? "" : `, ${arms.join(" and ")} diverged`;
};

function runLine(compared: ComparedRun, i: number): string {
  const { run, study, status, seeds, answer } = compared;
  const ofSeeds = seeds === null ? "" : `, ${counted(seeds, "seed")}`;
  const said = answer === null ? "" : `; ${answer}`;
  return `${letterOf(i)}  ${lineText(run)}: ${lineText(study)}, ${status}${ofSeeds}${divergedText(compared)}${said}`;
}

/** The runs, what of them differs, their files and their numbers. */
export function compareText(comparison: Comparison): string {
  const { runs, differences, files, leftOut } = comparison;
  const letters = runs.map((_, i) => letterOf(i));
  const blocks = [
    runs.map(runLine),
    differenceLines(differences, letters),
    fileLines(files, letters),
    outcomeLines(comparison, letters),
    numberLines(comparison, letters),
    leftOut.map((reason) => `Left out: ${lineText(reason)}`),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}
