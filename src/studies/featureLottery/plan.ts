/**
 * S13 as it was written before it was run. Three things were added after the first run, and are said to be in the texts:
 * the transformer's other scales at p = 31, its twins with boosted units with their rule and outcomes, and outcomes of
 * statistics that only the tables held. What was there before is unchanged.
 */
import { liesAbove, liesBelow, showsNoAdvantage } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** A network counts if it is right on at least this share of the pairs. */
export const learned = 0.99;

/** By what a boost multiplies the amplitude of a frequency. */
export const boostFactor = 1.5;

/** The least rate at which a unit must keep its strongest frequency; chance is 1/11 and 1/15. */
const kept = 0.3;

/** Share of the boosted frequencies that must win more to matter. */
const relevant = 0.05;

const matches = ["match smaller", "match larger"];
const boosts = ["boost smaller", "boost larger"];
const boostsInUnits = ["boost in units, transformer smaller", "boost in units, transformer larger"];

export const plan: StudyPlan = {
  id: "S13",
  name: "feature-lottery",
  title: "The feature lottery: which frequency a unit ends with",
  question:
    "Does what a unit is at initialisation decide what it becomes, where the features that training makes are known: the frequencies of modular addition?",
  hypothesis:
    "Each unit of a perceptron starts with a little of every frequency and ends with one: that in which it was strongest, and whose phases stood best, at initialisation. Making a frequency stronger at initialisation makes it win more often.",
  arms: [
    "perceptron: 128 rectified units on the one-hot codes of a and b, p = 23 and 31, at four standard deviations of its initial weights, 0.02 to 1; trained on all p² pairs",
    "transformer: one block of width 64 with 128 units, the embedding of the numbers shared by all of them, p = 23 and 31 at four multiples of PyTorch's initialisation, 0.3 to 2; at p = 31 those other than 1 were added after the first run, with 800 and not 500 steps at the largest, where half of four seeds had learned nothing after 500",
    "each with a twin of the same initial weights but for one frequency whose amplitude is 1.5 times as large: in the perceptron one in each of a random half of the units, none of them the unit's largest, in all of its three curves; in the transformer one in the embedding of the numbers",
    "added after the first run: transformers with twins in which, as in the perceptron's, one frequency in each of a random half of the units is 1.5 times as large, in what the unit answers to a number and in what it says; and at p = 23 twins in which that is done in one unit only",
  ],
  statistic:
    "Of the units that are awake after training: share whose leading frequency led at initialisation, mean over the scales of a seed; change of the share of boosted frequencies that win, twin less original; coefficients of a conditional logit of the winner on amplitude, phase misalignment and growth at initialisation, in standard deviations; mutual information of first and last leading frequency less its expectation under shuffling. A unit's share of a frequency is the mean of the shares of its curves over a, over b and over the outputs. One number a seed, t intervals over seeds, not adjusted for the number of outcomes; p-values with Holm's adjustment in a note. Added after the first run, with an adjustment of their own: change of the share of boosted frequencies that win in a transformer's units; rank of the winner at initialisation; purity after training less before; share whose leading frequency led, less shuffled units and less another network's; and for transformers what was computed for perceptrons.",
  nullModel:
    "A frequency at random, 1 in (p − 1)/2; units shuffled within the network, exactly; the first frequency of one network with the last of another; the same frequency of the same unit without the boost; frequencies that were not boosted, in the other half of the units.",
  rules: [
    {
      about: "selection",
      statement: "A unit's feature is selected from what is there at initialisation.",
      supportedIf: { all: [...matches.map(liesAbove(kept)), ...boosts.map(liesAbove(0))] },
      refutedIf: { any: [...matches.map(liesBelow(kept)), ...boosts.map(liesBelow(0))] },
    },
    {
      about: "intervention",
      statement: "Making a frequency stronger in a unit at initialisation makes the unit end with it.",
      supportedIf: { all: boosts.map(liesAbove(0)) },
      refutedIf: { any: boosts.map((outcome) => ({ all: showsNoAdvantage(relevant)(outcome) })) },
    },
    {
      about: "phases",
      statement: "Amplitude and alignment of phases at initialisation both decide which frequency wins.",
      supportedIf: {
        all: [
          { outcome: "amplitude", take: "low", above: 0 },
          { outcome: "misalignment", take: "high", below: 0 },
        ],
      },
      refutedIf: {
        any: [
          { outcome: "amplitude", take: "high", below: 0 },
          { outcome: "misalignment", take: "low", above: 0 },
        ],
      },
    },
    {
      about: "transformer",
      statement: "The same holds for the units of a transformer.",
      supportedIf: { outcome: "match transformer", take: "low", above: kept },
      refutedIf: { outcome: "match transformer", take: "high", below: kept },
    },
    {
      about: "embedding",
      statement:
        "Making a frequency stronger in a transformer's shared embedding at initialisation makes it win units.",
      supportedIf: { outcome: "boost transformer", take: "low", above: 0 },
      refutedIf: { all: showsNoAdvantage(relevant)("boost transformer") },
    },
    {
      about: "transformer units",
      statement:
        'Making a frequency stronger in a unit of a transformer at initialisation makes it win the unit more often, by however little (added after the first run and a look at four seeds, with the thresholds of the rule on perceptrons; "by however little" was put in after the full run).',
      supportedIf: { all: boostsInUnits.map(liesAbove(0)) },
      refutedIf: { any: boostsInUnits.map((outcome) => ({ all: showsNoAdvantage(relevant)(outcome) })) },
    },
  ],
  seeds: { full: 20, quick: 4 },
};
