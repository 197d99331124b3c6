/** Study S1: recorded runs in place of arms, and differences in place of statistics. */
import { inTurn } from "../../base/inTurn.ts";
import { counted, listed } from "../../figures/index.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { Arm, Study, StudyTable } from "../protocol/study.ts";
import { type FidelityResult, trainAndCompare } from "./fidelity.ts";
import type { Fixture } from "./fixture.ts";
import { plan } from "./plan.ts";

/** The recorded runs; a seed is the place of one among them. */
interface RecordedRuns extends Arm {
  readonly runs: readonly Fixture[];
}

/** What one run told. */
interface Told extends FidelityResult {
  /** Of its four counts of maintained neurons, how many are not the recorded ones. */
  readonly countsThatDiffer: number;
}

/** Names of the four counts, and how a reader knows them. */
const counts = [
  ["L0_token", "L0 token"],
  ["L0_position", "L0 position"],
  ["L1_token", "L1 token"],
  ["L1_position", "L1 position"],
] as const;

/** A number that is no mean over seeds. */
function fact(name: string, label: string, values: readonly number[], unit = ""): Outcome {
  return {
    ...{ name, label, unit },
    estimate: values.length === 0 ? Number.NaN : Math.max(...values),
    interval: [Number.NaN, Number.NaN],
    interval90: [Number.NaN, Number.NaN],
    ...{ seeds: values.length, p: null, method: "largest over recorded runs" },
  };
}

/** What the counts and the comparison are, run by run. */
function countsTable(told: readonly Told[]): StudyTable {
  return {
    title: "Neurons of five that count as maintained",
    columns: ["recorded run", ...counts.map(([, label]) => label), "final epoch loss (nats)", "as recorded"],
    rows: told.map(({ seed, maintained, epochLosses, pass }) => [
      `seed ${seed}`,
      ...counts.map(([key]) => maintained[key]),
      epochLosses[epochLosses.length - 1],
      pass ? "yes" : "no",
    ]),
    caption: "By the original's criterion, from its own weights and data, trained by this engine.",
  };
}

/**
 * The study over some recorded runs; a seed of it is the place of a run among them.
 *
 * @param recorded  runs of the original, handed in because the core reads no files; the arm carries them to a worker
 */
export function fidelityStudy(recorded: readonly Fixture[]): Study<RecordedRuns, Told> {
  return {
    plan,
    arms: ({ seeds }) => {
      const there = seeds.filter((seed) => seed < recorded.length);
      return [{ name: "recorded runs", seeds: there, runs: recorded }];
    },
    measure: async ({ runs }, seeds, { backend, progress }) =>
      inTurn(seeds, async (seed, at) => {
        const run = runs[seed];
        const { result, countsThatDiffer } = await trainAndCompare(run, backend, (epoch, loss) =>
          progress((at + epoch / run.epochs) / seeds.length, loss),
        );
        return { ...result, countsThatDiffer };
      }),
    conclude: (byArm) => {
      const told = byArm.get("recorded runs") ?? [];
      return {
        outcomes: [
          fact(
            "logits",
            "difference of initial logits",
            told.map((run) => run.initialLogitsMaxError),
          ),
          fact(
            "epoch loss",
            "difference of the loss of an epoch",
            told.map((run) => run.epochLossMaxError),
            "nats",
          ),
          fact(
            "eta2",
            "difference of eta squared of a neuron",
            told.map((run) => run.eta2MaxError),
          ),
          fact(
            "other counts",
            "counts of maintained neurons, of four a run, that differ from the record",
            told.map((run) => run.countsThatDiffer),
          ),
        ],
        notes: [
          `${counted(told.length, "recorded run")} of the original: seed ${listed(told.map(({ seed }) => String(seed)))} of five that it reports.`,
          "Recorded runs are float32. A backend in float64 can differ from them by what their own roundings were.",
        ],
        tables: [countsTable(told)],
        figures: [],
      };
    },
  };
}
