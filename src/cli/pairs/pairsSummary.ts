/** Accuracy on minimal pairs as tables for a reader. */
import { counted } from "../../figures/index.ts";
import type { Accuracy, GroupReport, PairReport } from "../../studies/pairs/index.ts";
import { aligned, decimals, pText, rangeText, wrapped } from "../inspect/tables.ts";
import { lineText } from "../lineText.ts";

/** What the tables are headed with. */
export interface PairsHead {
  /** What was judged and how, a sentence each. */
  readonly lines: readonly string[];
  /** Fresh networks that were drawn. */
  readonly nulls: number;
}

/** Longest name in a table. */
const longestName = 44;

const shownName = (name: string | null) => {
  const text = name === null ? "(none)" : lineText(name);
  return text.length > longestName ? `${text.slice(0, longestName - 1)}…` : text;
};
const share = (value: number) => decimals(value, 3);
const nullText = ({ null: drawn }: Accuracy) =>
  drawn === null ? [] : [`${share(drawn.mean)} ${rangeText(drawn.range, 3)}`];

function groupRow(name: string, { pairs, uids, share: pooled, macro, shorter }: GroupReport): string[] {
  return [
    ...[name, String(uids), String(pairs), share(pooled.sum.estimate)],
    ...[share(macro.sum.estimate), rangeText(macro.sum.interval, 3), ...nullText(macro.sum)],
    ...[share(macro.perToken.estimate), share(shorter)],
  ];
}

/** How the whole compares with fresh networks, in a sentence; null where none was drawn. */
function verdict({ all }: PairReport): string | null {
  const { estimate, null: drawn, networks } = all.macro.sum;
  if (drawn === null) return null;
  if (networks.length === 1)
    return `Macro mean ${share(estimate)}, of ${counted(drawn.accuracies.length, "fresh network")} ${share(drawn.mean)}: p ${pText(drawn.p)} (Monte Carlo, one-sided).`;
  if (drawn.difference === null) return null;
  const { estimate: more, low, high } = drawn.difference;
  return `Macro mean over ${networks.length} seeds less that of ${counted(drawn.accuracies.length, "fresh network")}: ${share(more)} ${rangeText([low, high], 3)} (Welch, 95 %).`;
}

/** The tables of a report. */
export function pairsSummary(report: PairReport, { lines, nulls }: PairsHead): string {
  const several = report.all.macro.sum.networks.length > 1;
  const fresh = nulls > 0 ? ["fresh networks"] : [];
  const over = several ? "95 % over seeds" : "95 % (Wilson)";
  const mean = (values: readonly number[]) =>
    decimals(values.reduce((sum, value) => sum + value, 0) / values.length, several ? 1 : 0);
  const said = verdict(report);
  return [
    ...lines.flatMap((line) => wrapped(line)),
    "",
    ...aligned([
      ["UID", "pairs", "ties", "accuracy", over, ...fresh, "per token", "shorter"],
      ...report.uids.map(({ uid, pairs, accuracy, ties, shorter }) => [
        ...[shownName(uid), String(pairs), mean(ties.sum), share(accuracy.sum.estimate)],
        ...[rangeText(accuracy.sum.interval, 3), ...nullText(accuracy.sum)],
        ...[share(accuracy.perToken.estimate), share(shorter)],
      ]),
    ]),
    "",
    ...aligned([
      ["field", "UIDs", "pairs", "share", "macro", "95 % of macro", ...fresh, "per token", "shorter"],
      ...report.fields.map(({ field, ...group }) => groupRow(shownName(field), group)),
      groupRow("all", report.all),
    ]),
    "",
    ...wrapped(
      `Chance is 0.5. Ties count half; macro: mean over UIDs; fresh networks: mean [least, most] of untrained ones; per token: ln P divided by the tokens scored; shorter: the rule that the sentence of fewer tokens is the good one.`,
    ),
    ...(said === null ? [] : wrapped(said)),
  ].join("\n");
}
