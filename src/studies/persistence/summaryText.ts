/** What the persistence study prints for a reader at the terminal. */
import type { Group, PersistenceResult, PresetSummary } from "./result.ts";

const two = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : "-");
const range = ([low, high]: readonly [number, number]) => `[${two(low)}, ${two(high)}]`;

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ")}`.trimEnd(),
  );
}

function groupRow({ layer, kind, criterion, tuning, identityRecovery }: Group): string[] {
  return [
    `L${layer} ${kind}`,
    `${two(criterion.maintained)} ${range(criterion.ci)}`,
    two(criterion.null),
    `${two(criterion.kappa)} ${range(criterion.kappaCi)}`,
    `${two(tuning.r)} ${range(tuning.ci)}`,
    two(tuning.nullR),
    two(identityRecovery),
  ];
}

/** The leak in one line: where the loss is farthest below what prediction allows. */
function leakLine(leaks: PresetSummary["loss"]["leakAt"]): string {
  const worst = leaks.reduce((a, b) => (b.floor - b.loss > a.floor - a.loss ? b : a));
  return `Leak: at ${leaks.length} positions the loss is below what prediction allows, at position ${worst.pos} by ${(worst.floor - worst.loss).toFixed(3)} nats (${worst.loss.toFixed(3)} against ${worst.floor.toFixed(3)}): the model sees its targets.`;
}

function presetLines({ preset, seeds, steps, loss, groups, models }: PresetSummary): string[] {
  const floor = loss.bayesFloor === null ? "" : `, Bayes floor ${loss.bayesFloor.toFixed(3)}`;
  const diverged = models.filter(({ divergedAt }) => divergedAt !== null).length;
  const head = `${preset}: ${seeds.length} seeds, ${steps} steps, loss ${loss.first.toFixed(3)} to ${loss.last.toFixed(3)}, unseen ${loss.heldOut.toFixed(3)}${floor}`;
  const titles = ["", "maintained", "chance", "kappa", "tuning r", "other seed", "identity"];
  return [
    head,
    ...(loss.leak ? [`  ${leakLine(loss.leakAt)}`] : []),
    ...(diverged > 0 ? [`  ${diverged} of ${models.length} models diverged and are left out.`] : []),
    ...table([titles, ...groups.map(groupRow)]),
    "",
  ];
}

/** Tables by preset, verdicts, and where the report is. */
export function persistenceSummary(result: PersistenceResult, report: string): string {
  const verdicts = result.claims.map(({ id, verdict, claim }) => `  ${id} ${verdict.padEnd(15)}  ${claim}`);
  return [
    ...result.presets.flatMap(presetLines),
    "Claims of the original study",
    ...verdicts,
    "",
    `Report: ${report}`,
  ].join("\n");
}
