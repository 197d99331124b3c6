/** S15, fixed before it was run. */
import type { Condition } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Layers of the networks of this study. */
export const layers = [0, 1] as const;

/** Names of the outcomes, which rules and conclusions share. */
export const outcomeNames = {
  /** Primary: one family. */
  text: (layer: number) => `r text L${layer}`,
  gpt2: (layer: number) => `r GPT-2 L${layer}`,
  kappa: (layer: number) => `kappa characters L${layer}`,
  small: (layer: number) => `share left small embeddings L${layer}`,
  equalDisplacement: (layer: number) => `equal displacement L${layer}`,
  otherInit: (layer: number) => `other init L${layer}`,
  /** Whether there is a language model to speak of. */
  belowBigram: "below bigram",
  /** Beside the family. */
  loss: "loss text",
  lossGpt2: "loss GPT-2",
  equalSteps: (layer: number) => `equal steps L${layer}`,
  noise: (layer: number) => `text less noise L${layer}`,
  atBigram: (layer: number) => `r at bigram loss L${layer}`,
  halfLife: (layer: number) => `half-life L${layer}`,
  important: (layer: number) => `weighted by importance L${layer}`,
  recovered: (layer: number) => `recovered L${layer}`,
  balanced: (layer: number) => `r balanced probe L${layer}`,
  otherData: (layer: number) => `other data L${layer}`,
} as const;

/** Correlations inside this band are none. */
const NONE = 0.05;
/** Tuning that is still there: more than half of it. */
const HALF = 0.5;
/** Kappa that counts as persistence beyond chance, as in S3. */
const SMALLEST_KAPPA = 0.2;
const DEEPEST = layers[layers.length - 1];

const everyLayer = (of: (layer: number) => Condition[]): Condition => ({ all: layers.flatMap(of) });

export const plan: StudyPlan = {
  id: "S15",
  name: "text-persistence",
  title: "Do the features of a language model persist?",
  question:
    "Do the neurons of a small language model still respond to what they responded to before it read its first text, and if so, is it the text, the initialisation or only time that decides?",
  hypothesis:
    "As in the toy tasks: tuning persists where embeddings begin large and training is short, less in the deeper layer, and no more because there is a language to learn; with the initialisation that language models are given little of it is left. No two networks are tuned alike.",
  arms: [
    "text: characters of the King James Bible, new windows at every step; PyTorch's initialisation, whose embeddings are N(0, 1)",
    "shuffled: the same network on the same text with its characters in random order, stretch by stretch: their frequencies are all there is to learn",
    "other data: the same initialisation, other windows of the text",
    "other initialisation: another initialisation, the same windows",
    "small embeddings: the same initialisation with embeddings of tokens and positions a fiftieth of their size",
    "GPT-2: its initialisation, normal of 0.02 everywhere and less in what writes to the stream",
  ],
  statistic:
    "Two pre-norm blocks with a causal mask, 128 GELU neurons in each, context 32, Adam at 1e-3. Tuning r: correlation of a neuron's cell means (character × position, positions binned by octaves, each cell counted once) on held-out text before and after training, mean over the neurons of a layer, one number a seed; arms are paired by initialisation and by windows. Kappa: the original's criterion (the 8 % of neurons most selective for characters; eta² above 0.05 and above half of what it was) beyond chance. Share left with small embeddings: r where the loss on unseen text first is that of a bigram model, between checkpoints, divided by the same of the text's network. At equal displacement: the text's displacement is scaled, weight by weight, to the length of the shuffled text's. The twelve outcomes that the rules about persistence name are one family: their intervals hold together at 95 % (Bonferroni), p by Holm.",
  nullModel:
    "Another initialisation, neuron by neuron, which shares nothing but the text with the network: r 0. For kappa: neurons shuffled within the trained layer. For the text: the same characters shuffled; isotropic noise of equal displacement in every weight. Ceiling: the same initialisation on other windows. For the loss: what counting characters, or pairs of them, reaches.",
  rules: [
    {
      about: "H learned",
      statement:
        "The networks learn more of the language than pairs of characters tell: on unseen text they beat a bigram model",
      supportedIf: { outcome: outcomeNames.belowBigram, take: "low", above: 0 },
      refutedIf: { outcome: outcomeNames.belowBigram, take: "high", below: 0 },
    },
    {
      about: "C5",
      statement:
        "Features persist rather than being overwritten in a language model, with PyTorch's initialisation and with GPT-2's",
      supportedIf: everyLayer((layer) =>
        [outcomeNames.text(layer), outcomeNames.gpt2(layer)].map((outcome) => ({
          ...{ outcome, take: "low", above: HALF },
        })),
      ),
      refutedIf: {
        any: [outcomeNames.text(DEEPEST), outcomeNames.gpt2(DEEPEST)].map((outcome) => ({
          ...{ outcome, take: "high", below: HALF },
        })),
      },
    },
    {
      about: "C5",
      statement:
        "Neurons of a language model that were most selective for characters stay selective beyond chance, by the original's criterion",
      supportedIf: everyLayer((layer) => [
        { outcome: outcomeNames.kappa(layer), take: "estimate", above: SMALLEST_KAPPA },
        { outcome: outcomeNames.kappa(layer), take: "low", above: 0 },
      ]),
      refutedIf: {
        any: layers.map((layer) => ({
          ...{ outcome: outcomeNames.kappa(layer), take: "high", below: SMALLEST_KAPPA },
        })),
      },
    },
    {
      about: "C6",
      statement:
        "For the distance that the weights move, learning a language disturbs tuning less than learning the frequencies of its characters",
      supportedIf: everyLayer((layer) => [
        { outcome: outcomeNames.equalDisplacement(layer), take: "low", above: 0 },
      ]),
      refutedIf: everyLayer((layer) => [
        { outcome: outcomeNames.equalDisplacement(layer), take: "low", below: 0 },
        { outcome: outcomeNames.equalDisplacement(layer), take: "high", below: NONE },
      ]),
    },
    {
      about: "C7",
      statement:
        "The tuning of a language model's neurons is universal: neurons of one index come to be tuned alike from any initialisation",
      supportedIf: everyLayer((layer) => [
        { outcome: outcomeNames.otherInit(layer), take: "low", above: HALF },
      ]),
      refutedIf: everyLayer((layer) => [
        { outcome: outcomeNames.otherInit(layer), take: "low", above: -NONE },
        { outcome: outcomeNames.otherInit(layer), take: "high", below: NONE },
      ]),
    },
    {
      about: "H scale",
      statement:
        "Tuning persists because embeddings begin large: with embeddings of a fiftieth of the size less than half of the persistence is left when a network has learned as much, the loss of a bigram model",
      supportedIf: everyLayer((layer) => [{ outcome: outcomeNames.small(layer), take: "high", below: HALF }]),
      refutedIf: {
        any: layers.map((layer) => ({ outcome: outcomeNames.small(layer), take: "low", above: HALF })),
      },
    },
  ],
  seeds: { full: 8, quick: 2 },
};
