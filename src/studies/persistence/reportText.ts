/** Sentences of the report that are made from its numbers. */
import { counted, fixed, intervalText, listed } from "../../figures/index.ts";
import type { ClaimVerdict, Group, Interval, PersistenceResult, PresetSummary } from "./result.ts";

interface Cell {
  name: string;
  group: Group;
}

function range(values: readonly number[], digits = 2): string {
  const [low, high] = [fixed(Math.min(...values), digits), fixed(Math.max(...values), digits)];
  return low === high ? low : `${low} to ${high}`;
}

/** Lowest and highest estimate, each with its interval and where it was found. */
function extremes(
  cells: readonly Cell[],
  estimate: (group: Group) => { value: number; interval: Interval },
): string {
  const sorted = [...cells].sort((a, b) => estimate(a.group).value - estimate(b.group).value);
  const show = ({ name, group }: Cell) => {
    const { value, interval } = estimate(group);
    return `${fixed(value)} ${intervalText(interval)} (${name})`;
  };
  const [low, high] = [sorted[0], sorted[sorted.length - 1]];
  return sorted.length === 1 ? show(low) : `${show(low)} to ${show(high)}`;
}

/** `supports 2, refutes 2`, in the order in which the verdicts are named. */
function verdictCounts(claims: readonly ClaimVerdict[]): string {
  const verbs = {
    supported: (n: number) => `supports ${n}`,
    refuted: (n: number) => `refutes ${n}`,
    undecided: (n: number) => `leaves ${n} undecided`,
    "not tested here": (n: number) => `does not test ${n}`,
  };
  return listed(
    Object.entries(verbs).flatMap(([verdict, say]) => {
      const count = claims.filter((claim) => claim.verdict === verdict).length;
      return count === 0 ? [] : [say(count)];
    }),
  );
}

/**
 * The answer of the whole study, a paragraph of plain sentences.
 *
 * Every estimate stands beside its interval, its null and the number of seeds. Cells without an estimate (no model
 * left) are not counted.
 */
export function answerText({ presets, claims }: PersistenceResult): string {
  const cells = presets
    .flatMap(({ preset, groups }) =>
      groups.map((group) => ({ name: `${preset}, L${group.layer} ${group.kind}`, group })),
    )
    .filter(({ group }) => Number.isFinite(group.tuning.r) && Number.isFinite(group.criterion.maintained));
  if (cells.length === 0) return "Nothing could be measured: no model of this run has a tuning to compare.";
  const seeds = range(
    presets.map((preset) => preset.seeds.length),
    0,
  );
  const keeps = cells.filter(({ group: { tuning } }) => tuning.ci[0] > tuning.nullCi[1]).length;
  const exceeds = cells.filter(({ group: { criterion } }) => criterion.excessCi[0] > 0).length;
  return [
    `After training, units' tuning correlates with their own initialisation at r ${extremes(cells, ({ tuning }) => ({ value: tuning.r, interval: tuning.ci }))}, over ${seeds} seeds a preset; with another initialisation, the null, at ${range(cells.map(({ group }) => group.tuning.nullR))}.`,
    `In ${keeps} of ${counted(cells.length, "cell")} (preset, layer, kind of tuning) the interval lies above that of the null.`,
    `By the original criterion ${extremes(cells, ({ criterion }) => ({ value: criterion.maintained, interval: criterion.ci }))} of the selected units count as maintained, but any trained unit would count with ${range(cells.map(({ group }) => group.criterion.null))}; the excess is above zero in ${exceeds} of ${counted(cells.length, "cell")}.`,
    ...(claims.length === 0
      ? []
      : [`Of the original's ${counted(claims.length, "claim")} this run ${verdictCounts(claims)}.`]),
  ].join(" ");
}

/** What the leak alarm says of a preset; undefined where there is no alarm. */
export function leakText({ preset, loss }: PresetSummary): string | undefined {
  if (!loss.leak) return undefined;
  const worst = loss.leakAt.reduce((a, b) => (b.floor - b.loss > a.floor - a.loss ? b : a));
  const positions = loss.leakAt.length === 1 ? "one position" : `${loss.leakAt.length} positions`;
  const at = `At ${positions} the loss on unseen sequences is below what any model could reach that sees only what came before; at position ${worst.pos} it is ${fixed(worst.loss, 3)} nats, where the best such predictor has ${fixed(worst.floor, 3)} on the same sequences.`;
  const hidden =
    loss.bayesFloor === null || loss.heldOut < loss.bayesFloor
      ? ""
      : ` The mean over positions, ${fixed(loss.heldOut, 3)} nats, does not show it: the floor of the mean is ${fixed(loss.bayesFloor, 3)}.`;
  return `${preset}: ${at}${hidden} The model reads what it should predict, so its training is no evidence about learning the task.`;
}
