/** What `track` prints: the gate's verdicts first, then what is left of the first checkpoint. */
import { fixed } from "../../figures/index.ts";
import { finalPersistence, startText, type TrackResult, topUnits } from "../../studies/track/index.ts";

/** The result as JSON: everything but the numbers of single units, which are in the measurements. */
export function trackJson(result: TrackResult): object {
  return {
    study: "track",
    ...result,
    series: result.series.map(({ checkpoints, ...one }) => ({
      ...one,
      topUnits: topUnits({ ...one, checkpoints }, result.probe),
      checkpoints: checkpoints.map(({ lossBySequence: _, layers, ...checkpoint }) => ({
        ...checkpoint,
        faulty: one.forced.includes(checkpoint.step),
        layers: layers.map(({ units: __, ...numbers }) => numbers),
      })),
    })),
  };
}

/** Lines for a reader at the terminal. */
export function trackSummary(result: TrackResult, report: string): string {
  const gate = result.series.flatMap(({ name, gate: rows, forced }) => {
    const faulty = rows.filter(({ faults }) => faults.length > 0);
    return [
      `${name}: ${rows.length - faulty.length} of ${rows.length} checkpoints are sound.`,
      ...faulty.map(({ step, faults }) => {
        const what = faults.map(({ rule, facts }) => `${rule}: ${facts}`).join("; ");
        return `  step ${step} ${forced.includes(step) ? "FAULTY, measured by force" : "left out"}: ${what}`;
      }),
    ];
  });
  const losses = result.series.flatMap(({ name, checkpoints }) => {
    const [first, last] = [checkpoints[0], checkpoints[checkpoints.length - 1]];
    if (Number.isNaN(last.loss.estimate)) return [];
    return [
      `${name}: loss ${fixed(first.loss.estimate, 3)} at step ${first.step}, ${fixed(last.loss.estimate, 3)} at step ${last.step} (nats a token).`,
    ];
  });
  const kept = finalPersistence(result).map(
    ({ layer, r, shuffled, random }) =>
      `  L${layer}  ${fixed(r.value)}  shuffled ${fixed(shuffled.value)}  random ${fixed(random.value)}`,
  );
  return [
    ...gate,
    "",
    ...losses,
    `Tuning kept since ${startText(result)}${result.series.length === 1 ? "; one network, so no interval over seeds" : ""}:`,
    ...kept,
    "",
    `Report: ${report}`,
  ].join("\n");
}
