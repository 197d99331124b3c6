/** What the persistence study prints for a reader at the terminal. */
import type { CellDistribution, Group, PersistenceResult, PresetSummary } from "./result.ts";

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

/** Over seeds: the middle 90 % of maintained and tuning r, and how much of the spread is the seeds' own. */
function distributionRow({
  layer,
  kind,
  spreads,
  overdispersion,
  dip,
  belowChance,
}: CellDistribution): string[] {
  const middle = (measure: string) => {
    const quantiles = spreads.find((spread) => spread.measure === measure)?.quantiles ?? [];
    const at = (p: number) => quantiles.find((quantile) => quantile.p === p)?.value ?? Number.NaN;
    return `${two(at(0.5))} ${range([at(0.05), at(0.95)])}`;
  };
  const { rho, ci, holm } = overdispersion;
  return [
    `L${layer} ${kind}`,
    middle("maintained"),
    `${(100 * belowChance).toFixed(1)} %`,
    `${two(rho)} ${range(ci)}`,
    Number.isFinite(holm) ? holm.toFixed(4) : "-",
    middle("r"),
    Number.isFinite(dip.holm) ? dip.holm.toFixed(4) : "-",
  ];
}

const distributionTitles = [
  ...["over seeds, median [5 %, 95 %]", "maintained", "below chance", "rho", "p", "tuning r", "p of dip"],
];

/** The leak in one line: where the loss is farthest below what prediction allows. */
function leakLine(leaks: PresetSummary["loss"]["leakAt"]): string {
  const worst = leaks.reduce((a, b) => (b.floor - b.loss > a.floor - a.loss ? b : a));
  return `Leak: at ${leaks.length} positions the loss is below what prediction allows, at position ${worst.pos} by ${(worst.floor - worst.loss).toFixed(3)} nats (${worst.loss.toFixed(3)} against ${worst.floor.toFixed(3)}): the model sees its targets.`;
}

function presetLines({ preset, seeds, steps, loss, groups, models, distribution }: PresetSummary): string[] {
  const floor = loss.bayesFloor === null ? "" : `, Bayes floor ${loss.bayesFloor.toFixed(3)}`;
  const diverged = models.filter(({ divergedAt }) => divergedAt !== null).length;
  const head = `${preset}: ${seeds.length} seeds, ${steps} steps, loss ${loss.first.toFixed(3)} to ${loss.last.toFixed(3)}, unseen ${loss.heldOut.toFixed(3)}${floor}`;
  const titles = ["", "maintained", "chance", "kappa", "tuning r", "other seed", "identity"];
  return [
    head,
    ...(loss.leak ? [`  ${leakLine(loss.leakAt)}`] : []),
    ...(diverged > 0 ? [`  ${diverged} of ${models.length} models diverged and are left out.`] : []),
    ...table([titles, ...groups.map(groupRow)]),
    ...(distribution === null ? [] : table([distributionTitles, ...distribution.map(distributionRow)])),
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
