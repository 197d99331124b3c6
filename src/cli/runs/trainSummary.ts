/** What `palimpsest train` prints for a reader at the terminal. */
import { counted, fixed, intervalText } from "../../figures/index.ts";
import type { OverSeeds, TextGroup, TextResult } from "../../studies/text/result.ts";

const over = ({ mean, ci }: OverSeeds) =>
  Number.isFinite(ci[0]) ? `${fixed(mean)} ${intervalText(ci)}` : fixed(mean);

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ")}`.trimEnd(),
  );
}

const groupRow = ({ layer, kind, r, shuffled, otherInit, eta2, identityRecovery }: TextGroup) => [
  `L${layer} by ${kind}`,
  over(r),
  fixed(shuffled.mean),
  fixed(otherInit.mean),
  fixed(identityRecovery.mean),
  `${fixed(eta2.before.mean)} to ${fixed(eta2.after.mean)}`,
];

/** Loss beside what counting reaches, persistence beside its nulls, samples, and where the report is. */
export function trainSummary(result: TextResult, report: string): string {
  const { baseline, heldOut, models, tokenizer, text, samples } = result;
  const [last, bits] = [over(heldOut.last), over(heldOut.bitsPerCharacter)];
  const lost = models.filter(({ divergedAt }) => divergedAt !== null);
  const missing = text.unknown.reduce((sum, { count }) => sum + count, 0);
  return [
    `${result.preset}: ${counted(result.seeds.length, "seed")}, ${result.parameters} weights each, ${tokenizer.tokens} tokens (${tokenizer.kind}), ${result.steps} steps on ${text.train.tokens} tokens`,
    ...table([
      ["held-out loss", "nats per token", "bits per character"],
      ["this model", last, bits],
      ...(["bigram", "unigram", "uniform"] as const).map((name) => [
        name === "uniform" ? "all tokens alike" : `counting, ${name}`,
        fixed(baseline[name].nats),
        fixed(baseline[name].bitsPerCharacter),
      ]),
    ]),
    ...(missing > 0
      ? [
          `  ${counted(missing, "held-out character")} (${text.unknown.length} different) do not occur in the training text and are left out.`,
        ]
      : []),
    ...lost.map(
      ({ seed, divergedAt }) => `  Seed ${seed} diverged at step ${divergedAt} and is left out from there.`,
    ),
    "",
    "What neurons keep of their initialisation",
    ...table([
      ["", "tuning r", "shuffled", "other seed", "identity", "eta2"],
      ...result.groups.map(groupRow),
    ]),
    "",
    ...samples.flatMap(({ seed, texts }) =>
      texts.map((sample) => `Seed ${seed}:\n${sample.replace(/^/gm, "  | ")}\n`),
    ),
    `Report: ${report}`,
  ].join("\n");
}
