/** Study S1 as it was planned: does this engine land where the original's own did? */
import type { StudyPlan } from "../protocol/study.ts";
import { tolerances } from "./fidelity.ts";

/** Everything that is fixed before the study is run. */
export const plan: StudyPlan = {
  id: "S1",
  name: "fidelity",
  title: "Fidelity to the original's recorded runs",
  question: "Do we get the original study's numbers from its own weights and data?",
  hypothesis:
    "From the recorded initial weights and training data, the same epochs give the recorded losses, selectivities and counts of maintained neurons, but for roundings of float32.",
  arms: [
    "Recorded runs: the original's network and data as they were stored, trained for its ten epochs by this engine.",
  ],
  statistic:
    "The largest absolute difference from the record over all recorded runs: of the initial logits, of the mean loss of an epoch, of eta squared of every neuron before and after training; and how many of the counts of maintained neurons differ.",
  nullModel:
    "None: a run is a fact, not a sample. What differs by more than roundings explain is another program.",
  rules: [
    {
      about: "C2",
      statement:
        "The original's counts of maintained neurons come out of its own procedure again: its arithmetic is right",
      supportedIf: {
        all: [
          { outcome: "logits", take: "estimate", below: tolerances.initialLogits },
          { outcome: "epoch loss", take: "estimate", below: tolerances.epochLoss.float32 },
          { outcome: "eta2", take: "estimate", below: tolerances.eta2.float64 },
          { outcome: "other counts", take: "estimate", below: 0.5 },
        ],
      },
      refutedIf: {
        all: [
          { outcome: "logits", take: "estimate", below: tolerances.initialLogits },
          { outcome: "other counts", take: "estimate", above: 0.5 },
        ],
      },
    },
  ],
  seeds: { full: 2, quick: 1 },
};
