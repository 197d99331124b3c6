/** What the networks of S15 read, and what they are asked. */
import { randomStream } from "../../base/random.ts";
import type { BatchSource } from "../../data/batches.ts";
import { latinBlocks, type Probe } from "../../data/probes.ts";
import { type Corpus, makeCorpus } from "../../data/text/corpus.ts";
import { countNgrams, ngramLoss } from "../../data/text/ngrams.ts";
import { spreadWindows, windowBatches } from "../../data/text/windows.ts";
import type { Sequences } from "../../data/types.ts";
import type { ModelConfig } from "../../model/config.ts";
import { streams } from "../population/arm.ts";
import type { TextPersistenceArm } from "./arms.ts";
import { plan } from "./plan.ts";

/** A text to learn, with what is known of its unseen part. */
export interface Reading {
  /** Windows that a network with a data seed is trained on. */
  readonly feed: (seed: number) => BatchSource;
  readonly unseen: Sequences;
  /** Loss of counting alone on the unseen windows, nats per character. */
  readonly baseline: Corpus["baseline"];
}

/** Everything that is made from the text. */
export interface Library {
  readonly config: ModelConfig;
  /** The character of each token. */
  readonly characters: readonly string[];
  readonly text: Reading;
  readonly shuffled: Reading;
  /** Unseen windows of the text. */
  readonly probe: Probe;
  /** Every character at every position equally often. */
  readonly balanced: Probe;
}

/** The characters of a run in a random order. */
function shuffle(run: Int32Array, ...key: readonly (string | number)[]): Int32Array {
  const order = randomStream(plan.name, "shuffled", ...key).permutation(run.length);
  return run.map((_, at) => run[order[at]]);
}

/**
 * Text and shuffled text, divided alike: a data seed draws the same places of either.
 *
 * A stretch of the text is shuffled as a whole and once for all networks. What a network could still learn of it is
 * which characters are frequent in this stretch; the stretches are long and the networks too small to know them by heart.
 */
export function library({ text, config: sizes, training, windows, blocks }: TextPersistenceArm): Library {
  const { nCtx } = sizes;
  const corpus = makeCorpus(text, { tokenizer: { kind: "characters" }, nCtx, heldOutWindows: windows });
  const { dVocab, heldOut } = corpus;
  const feed = (runs: readonly Int32Array[]) => (seed: number) =>
    windowBatches(runs, { nCtx, batchSize: training.batch, key: streams.data(plan.name, seed) });
  const mixed = [shuffle(heldOut.targets, "unseen")]; // windows stand side by side: every character is a target once
  const unseenMixed = spreadWindows(mixed, { nCtx, most: windows });
  const trainMixed = corpus.train.map((run, stretch) => shuffle(run, stretch));
  return {
    config: { ...sizes, dVocab },
    characters: Array.from({ length: dVocab }, (_, token) => corpus.tokenizer.tokenText(token)),
    text: { feed: feed(corpus.train), unseen: heldOut, baseline: corpus.baseline },
    shuffled: {
      feed: feed(trainMixed),
      unseen: unseenMixed,
      baseline: ngramLoss(countNgrams(trainMixed, dVocab), unseenMixed),
    },
    probe: {
      ...{ tokens: heldOut.inputs, count: heldOut.count, nPos: nCtx, dVocab, design: "task" },
      half: Uint8Array.from({ length: heldOut.count }, (_, n) => n % 2),
    },
    balanced: latinBlocks({
      ...{ dVocab, nPos: nCtx, blocks },
      stream: randomStream(...streams.probe(plan.name)),
    }),
  };
}
