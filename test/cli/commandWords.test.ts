/** The words of a command, as a manifest holds them, ask for exactly what the command was asked for. */
import { expect, test } from "vitest";
import { type ExperimentsOptions, experimentsWords } from "../../src/cli/commands/experiments.ts";
import { type StudyOptions, type StudyRunOptions, studyWords } from "../../src/cli/commands/study.ts";
import type { PersistenceOptions } from "../../src/cli/commands/studyPersistence.ts";
import { type TrackOptions, trackWords } from "../../src/cli/commands/track.ts";
import { type TrainOptions, trainWords } from "../../src/cli/commands/train.ts";
import { persistenceWords } from "../../src/studies/persistence/runFiles.ts";
import { palimpsest } from "./harness.ts";

const wordsOf: Record<string, (options: never) => string[]> = {
  persistence: (options: PersistenceOptions) => persistenceWords(options, options),
  study: (options: StudyOptions) => studyWords(options.study, options),
  allStudies: (options: StudyRunOptions) => studyWords("all", options),
  experiments: (options: ExperimentsOptions) => experimentsWords(options, options.backend),
  train: (options: TrainOptions) => trainWords(options),
  track: (options: TrackOptions) => trackWords(options),
};

test.each([
  ["study persistence"],
  [
    "study persistence --preset gpt,causal --seeds 5,3 --sequences 33 --batch 7 --epochs 3 --lr 3e-7 --optimizer sgd",
  ],
  ["study persistence --init orthogonal:0.1 --probe full --task random --relaxed --backend auto"],
  ["study lottery-tickets"],
  ["study S13 --quick --seeds 2,9 --backend reference"],
  ["study all --quick --seeds 4"],
  ["experiments"],
  ["experiments --preset gpt --seeds 7,3 --init gpt2:2 --nulls 0 --blocks 2 --draws 19 --positions 4"],
  ["experiments --config mine.json --seeds 1"],
  ["experiments --run runs/a --preset causal --step 8 --seeds 3,1"],
  ["experiments --run runs/a --seeds 1"],
  ["experiments models/tiny --vocabulary 12 --revision main --cache there --processing fold-layer-norm"],
  ["experiments -- --odd"],
  ["train --text a.txt"],
  [
    "train --text a.txt --preset bpe-small --vocab 300 --seeds 1 --lr 1e-5 --schedule linear --init he-normal:2",
  ],
  [
    "train --text - --tokenizer t.json --layers 1 --d-model 8 --heads 2 --ctx 16 --steps 3 --batch 2 --seeds 4,2",
  ],
  [
    "train --text a --tagged pos --held-out 0.25 --sample 0 --sample-tokens 7 --temperature 0 --top-k 3 --export all",
  ],
  ["train --text a --probe balanced --prompt -- --relaxed"],
  [
    "track a b --steps 4,1 --revisions checkpoint-{} --text t --tagged tags --bos no --positions 9 --sequences 8",
  ],
  [
    "track a --tokens t --least 2 --draws 0 --init mup --preset gpt --seed 0-2,7 --cache c --force --backend onnx",
  ],
  ["track -- -a b"],
])("%s", async (line) => {
  const options = async (words: readonly string[]) => {
    const { calls, stderr } = await palimpsest(words);
    expect(stderr).toBe("");
    return calls;
  };
  const asked = await options(line.split(" "));
  const [[handler, given]] = asked;
  const words = wordsOf[handler](given as never);
  expect(await options(words)).toEqual(asked);
  // what the machine and the place decide is in no command
  for (const word of ["--workers", "--out", "--json", "--quiet"]) expect(words).not.toContain(word);
});
