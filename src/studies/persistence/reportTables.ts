/** Tables of the report as HTML; everything that comes from data is escaped. */
import { counted, escapeHtml, fixed, intervalText, noNumber } from "../../figures/index.ts";
import type { ClaimVerdict, Interval, PresetSummary } from "./result.ts";

/** Signs beside the verdicts, so that no one has to tell colours apart. */
const verdictSigns: Readonly<Record<ClaimVerdict["verdict"], string>> = {
  supported: "●",
  refuted: "×",
  undecided: "○",
  "not tested here": noNumber,
};

/** A right-aligned cell. */
export const numberCell = (text: string) => `<td class="number">${escapeHtml(text)}</td>`;

/** An estimate with its interval. */
export const estimateCell = (value: number, interval: Interval) =>
  `<td class="number">${escapeHtml(fixed(value))} <span class="interval">${escapeHtml(intervalText(interval))}</span></td>`;

/** The row of column names; the second of each says whether it holds numbers. */
export function head(columns: readonly (readonly [label: string, isNumber: boolean])[]): string {
  const cells = columns.map(
    ([label, isNumber]) => `<th scope="col"${isNumber ? ' class="number"' : ""}>${escapeHtml(label)}</th>`,
  );
  return `<thead><tr>${cells.join("")}</tr></thead>`;
}

/** Claims of the original study: id, claim, verdict, rule, evidence. On a narrow screen each becomes a block. */
export function claimsTable(claims: readonly ClaimVerdict[]): string {
  const rows = claims.map(
    ({ id, claim, verdict, rule, evidence }) =>
      `<tr><th scope="row">${escapeHtml(id)}</th><td>${escapeHtml(claim)}</td><td>${verdictSigns[verdict] ?? ""} ${escapeHtml(verdict)}</td><td data-label="Evidence">${escapeHtml(evidence)}</td><td data-label="Rule">${escapeHtml(rule)}</td></tr>`,
  );
  const columns = ["", "Claim of the original", "Verdict", "Evidence", "Rule, written before the run"];
  return `<div class="scroll"><table class="claims">${head(columns.map((label) => [label, false]))}<tbody>${rows.join("\n")}</tbody></table></div>`;
}

/** One preset's groups in two tables: the original criterion and tuning identity. All intervals are over seeds. */
export function groupTables({ preset, seeds, groups }: PresetSummary): string {
  const name = `${escapeHtml(preset)}, ${counted(seeds.length, "seed")}`;
  const rowHead = (layer: number, kind: string) => `<th scope="row">L${layer} ${escapeHtml(kind)}</th>`;
  const criterion = groups.map(
    ({ layer, kind, criterion: c }) =>
      `<tr>${rowHead(layer, kind)}${estimateCell(c.maintained, c.ci)}${numberCell(fixed(c.null))}${numberCell(fixed(c.nullOtherInit))}${estimateCell(c.excess, c.excessCi)}${estimateCell(c.kappa, c.kappaCi)}</tr>`,
  );
  const tuning = groups.map(
    ({ layer, kind, tuning: t, identityRecovery, identityCi }) =>
      `<tr>${rowHead(layer, kind)}${estimateCell(t.r, t.ci)}${estimateCell(t.nullR, t.nullCi)}${estimateCell(t.ceilingR, t.ceilingCi)}${numberCell(`${fixed(t.preferred)} (${fixed(t.preferredNull)})`)}${estimateCell(identityRecovery, identityCi)}</tr>`,
  );
  const number = (label: string) => [label, true] as const;
  return `<div class="scroll"><table><caption>${name}: the original criterion</caption>${head([["", false], number("maintained"), number("null"), number("other init"), number("excess"), number("kappa")])}<tbody>${criterion.join("\n")}</tbody></table></div>
<div class="scroll"><table><caption>${name}: tuning identity</caption>${head([["", false], number("tuning r"), number("null r"), number("ceiling r"), number("preferred (null)"), number("identity recovery")])}<tbody>${tuning.join("\n")}</tbody></table></div>`;
}

/** Characters of a hash that are shown: enough to compare by eye. */
const shownHash = 12;

/** Every model of a preset: seed, final loss, beginning of the hash of its weights, and whether it diverged. */
export function modelsTable({ preset, models }: PresetSummary): string {
  const rows = models.map(
    ({ seed, finalLoss, weights, divergedAt }) =>
      `<tr><th scope="row" class="number">${seed}</th>${numberCell(fixed(finalLoss, 4))}<td><code>${escapeHtml(weights.slice(0, shownHash))}</code></td><td>${divergedAt === null ? "" : `diverged at step ${divergedAt}`}</td></tr>`,
  );
  return `<details><summary>${escapeHtml(preset)}: ${counted(models.length, "model")}</summary>
<div class="scroll"><table>${head([
    ["seed", true],
    ["final loss (nats)", true],
    ["SHA-256 of weights", false],
    ["", false],
  ])}<tbody>${rows.join("\n")}</tbody></table></div></details>`;
}
