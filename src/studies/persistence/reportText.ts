/** Sentences of the report that are made from its numbers. */
import { counted, fixed, intervalText, listed, percent } from "../../figures/index.ts";
import type { Group, PersistenceResult, PresetSummary } from "./result.ts";

const layerMean = (groups: readonly Group[], value: (group: Group) => number) =>
  groups.reduce((sum, group) => sum + value(group), 0) / groups.length;

/** Groups of one preset by layer, ascending. */
function byLayer({ groups }: PresetSummary): [layer: number, groups: Group[]][] {
  const layers = [...new Set(groups.map(({ layer }) => layer))].sort((a, b) => a - b);
  return layers.map((layer) => [layer, groups.filter((group) => group.layer === layer)]);
}

function range(values: readonly number[], show: (value: number) => string): string {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [show(Math.min(...finite)), show(Math.max(...finite))];
  return low === high ? low : `${low} to ${high}`;
}

/** What tuning says of one preset: one sentence. */
function tuningSentence(preset: PresetSummary): string {
  const layers = byLayer(preset).map(([layer, groups]) => {
    const cells = groups.map(({ kind, tuning }) => `${kind} r ${fixed(tuning.r)} ${intervalText(tuning.ci)}`);
    return `layer ${layer} ${listed(cells)}`;
  });
  const nulls = preset.groups.map(({ tuning }) => tuning.nullR);
  return `With ${preset.preset} (${counted(preset.seeds.length, "seed")}, ${counted(preset.steps, "step")}) a unit's tuning correlates with its own initialisation: ${layers.join("; ")}; with another initialisation it correlates at ${range(nulls, (r) => fixed(r))}.`;
}

/** What the original criterion says, and what chance supplies of it: one sentence. */
function criterionSentence(preset: PresetSummary): string {
  const maintained = layerMean(preset.groups, ({ criterion }) => criterion.maintained);
  const chance = layerMean(preset.groups, ({ criterion }) => criterion.null);
  const above = preset.groups.filter(({ criterion }) => criterion.excessCi[0] > 0).length;
  return `The original criterion calls ${percent(maintained)} of selected units maintained; ${fixed(100 * chance, 0)} of these points are what any trained unit gives, and the excess is above zero in ${above} of ${preset.groups.length} cells.`;
}

/**
 * The answer of the whole study, a paragraph of plain sentences.
 *
 * Every number is one of the result's, with its interval or its null in the same sentence.
 */
export function answerText(result: PersistenceResult): string {
  const sentences = result.presets.flatMap((preset) =>
    preset.groups.length === 0
      ? [`With ${preset.preset} nothing could be measured.`]
      : [tuningSentence(preset), criterionSentence(preset)],
  );
  return sentences.length === 0 ? "No preset was run." : sentences.join(" ");
}

/** What the leak alarm says of a preset; undefined where there is no alarm. */
export function leakText({ preset, loss }: PresetSummary): string | undefined {
  if (!loss.leak) return undefined;
  const ratio = loss.bayesFloor === null ? Number.NaN : loss.bayesFloor / loss.heldOut;
  return `${preset}: the loss on unseen sequences is ${fixed(loss.heldOut, 3)} nats. Without seeing the target nobody can stay below ${fixed(loss.bayesFloor, 3)}${
    ratio >= 1.05 ? `, ${fixed(ratio, 1)} times as much` : ""
  }. The model reads what it should predict, so its training is no evidence about learning the task.`;
}
