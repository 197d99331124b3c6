/** `palimpsest track`: its options. */
import type { Command } from "commander";
import { backendNames } from "../../backends/registry.ts";
import { ArgumentError } from "../../base/errors.ts";
import { type Tagging, taggings } from "../../data/text/tagged.ts";
import type { PresetName } from "../../model/config.ts";
import { presets } from "../../model/config.ts";
import type { InitSchemeName } from "../../model/init.ts";
import { optionWords, withNames } from "../../record/commandWords.ts";
import {
  addDisplay,
  type BackendChoice,
  backendChoices,
  type DisplayFlags,
  valueOption,
  workerLimit,
} from "../commonOptions.ts";
import { nameAmong, path, schemeNames, seedChoice, type ValueParser, wholeNumber } from "../optionValues.ts";

const bosChoices = ["yes", "no"] as const;

/** How EleutherAI's series name their steps. */
const standardRevisions = "step{}";

/** What is to be tracked. All but workers and out decide numbers. */
export interface TrackOptions {
  /** Folders of checkpoints, run folders, or repositories; each a network, or several. */
  readonly models: readonly string[];
  /** Ascending; null for all that are there. */
  readonly steps: readonly number[] | null;
  /** Name of a step's revision or folder, with `{}` for the number. */
  readonly revisions: string;
  /** UTF-8 file to probe with, or a file of token numbers, at most one of both. */
  readonly text: string | null;
  readonly tokens: string | null;
  /** What the tags of a text of words and tags are as classes; null for a text without tags. */
  readonly tagged: Tagging | null;
  /** Whether sequences of a text begin with the tokenizer's token for that; null for as its template does. */
  readonly bos: (typeof bosChoices)[number] | null;
  /** Tokens in a sequence; null for the context, 128 at most. */
  readonly positions: number | null;
  readonly sequences: number;
  readonly leastCount: number;
  readonly draws: number;
  /** Scheme of the random networks where step 0 is not there. */
  readonly init: InitSchemeName;
  /** Of a run folder. */
  readonly preset: PresetName | null;
  readonly seeds: readonly number[] | "all";
  readonly cache: string | null;
  readonly force: boolean;
  readonly backend: BackendChoice;
  readonly workers: number;
  readonly out: string | null;
}

interface Flags extends DisplayFlags {
  readonly steps?: readonly number[];
  readonly revisions: string;
  readonly text?: string;
  readonly tokens?: string;
  readonly tagged?: Tagging;
  readonly bos?: (typeof bosChoices)[number];
  readonly positions?: number;
  readonly sequences: number;
  readonly least: number;
  readonly draws: number;
  readonly init: InitSchemeName;
  readonly preset?: PresetName;
  readonly seed: readonly number[] | "all";
  readonly cache?: string;
  readonly force?: boolean;
  readonly backend: BackendChoice;
  readonly workers: number;
  readonly out?: string;
}

/** Steps of a series, ascending, each once. */
const stepList: ValueParser<readonly number[]> = (flag) => (text) => {
  const refuse = (rule: string): never => {
    throw new ArgumentError({ where: flag, rule, got: JSON.stringify(text.slice(0, 80)) });
  };
  if (!/^[0-9]{1,15}(,[0-9]{1,15})*$/.test(text)) return refuse("must be whole numbers such as 0,1,2,4,8");
  const steps = text.split(",").map(Number);
  if (new Set(steps).size < steps.length) return refuse("each step may be named once");
  return steps.sort((a, b) => a - b);
};

/** A name with one `{}`. */
const pattern: ValueParser<string> = (flag) => (text) => {
  if (text.split("{}").length === 2) return text;
  throw new ArgumentError({
    where: flag,
    rule: "must hold {} once, where the step's number stands",
    got: JSON.stringify(text.slice(0, 80)),
  });
};

const more = `
MODEL is a repository whose revisions are checkpoints (fetched with "palimpsest models pull REPO --revision step512"),
a folder of folders step0, step1, … in Hugging Face's layout, or the run folder of "train --export all" or of
"study persistence". Several networks of one kind are seeds: intervals are then over them.

Integrity comes first: every checkpoint is read and hashed, and held against all others. Duplicates, a step 0 that was
trained, late weights under early names, mixed shards, other configs and NaN are named with the rule and the numbers,
and left out; --force measures them all the same and says so everywhere.

Then, for each sound checkpoint: loss on the probe; how selective MLP units are for the class of a token, its position
and the class of the token before; how much of their tuning at the first checkpoint is still there, against units
shuffled within the layer and against random networks; previous-token and induction heads; how far weights have moved.

Examples:
  palimpsest models pull EleutherAI/pythia-70m --revision step0     (and so on for each step)
  palimpsest track EleutherAI/pythia-70m --steps 0,1,2,4,512,4000,143000 --text book.txt
  palimpsest train --text book.txt --preset char --export all --out runs/book
  palimpsest track runs/book --text held-out.txt
  palimpsest track runs/book --text brown.txt --tagged pos
  palimpsest track checkpoints/a checkpoints/b --revisions "checkpoint-{}" --text book.txt --json
`;

/**
 * Adds the command.
 *
 * @param run  called with checked options
 */
export function addTrack(
  program: Command,
  cores: number,
  run: (options: TrackOptions, display: DisplayFlags) => Promise<void>,
): void {
  const presetNames = Object.keys(presets) as PresetName[];
  const command = program
    .command("track")
    .description(
      "Checkpoints of a training run: which are sound, and what of the first is left in each later one?",
    )
    .argument("<model...>", "repositories, folders of checkpoints, or run folders; each network is a seed")
    .addOption(valueOption("steps", "list", "steps, such as 0,1,2,4 (default: all that are there)", stepList))
    .addOption(
      valueOption("revisions", "pattern", "names of revisions or folders; {} is the step", pattern).default(
        standardRevisions,
      ),
    )
    .addOption(
      valueOption("text", "file", "UTF-8 text to probe with, through the model's tokenizer.json", path),
    )
    .addOption(
      valueOption(
        "tagged",
        "classes",
        "the text is word/TAG word/TAG …, a sentence a line; what words are sorted by: pos, a dozen parts of speech for the tags; tags, as they are",
        nameAmong(taggings),
      ),
    )
    .addOption(
      valueOption(
        "bos",
        "yes|no",
        "whether sequences of a text begin with the tokenizer's token for that (default: as tokenizer.json's template does)",
        nameAmong(bosChoices),
      ),
    )
    .addOption(valueOption("tokens", "file", "instead: numbers of tokens, a sequence a line", path))
    .addOption(
      valueOption(
        "positions",
        "n",
        "tokens in a sequence (default: the context, 128 at most)",
        wholeNumber(2, 65_536),
      ),
    )
    .addOption(
      valueOption("sequences", "n", "sequences of the probe", wholeNumber(4, 1_000_000)).default(128),
    )
    .addOption(
      valueOption(
        "least",
        "n",
        "observations that a cell needs in each half of the probe",
        wholeNumber(1, 1_000_000),
      ).default(8),
    )
    .addOption(valueOption("draws", "n", "random networks", wholeNumber(0, 1000)).default(5))
    .addOption(
      valueOption(
        "init",
        "scheme",
        `random networks where step 0 is missing: ${schemeNames.join(", ")}; else they are step 0 in another order`,
        nameAmong(schemeNames),
      ).default("gpt2" satisfies InitSchemeName),
    )
    .addOption(valueOption("preset", "name", "of a run of study persistence", nameAmong(presetNames)))
    .addOption(valueOption("seed", "list", "of a run folder: seeds, or all", seedChoice).default("all"))
    .addOption(
      valueOption("cache", "folder", "where models pull has put it (default: as the environment says)", path),
    )
    .option("--force", "measure faulty checkpoints too, marked as such")
    .addOption(valueOption("out", "folder", "run folder, new or empty (default: runs/track-<time>)", path))
    .addOption(
      valueOption(
        "backend",
        "name",
        `executor: ${backendChoices.join(", ")}`,
        nameAmong([...backendNames, "auto"] as const),
      ).default("auto"),
    )
    .addOption(
      valueOption(
        "workers",
        "n",
        "cores that the onnx executor may use; the others use one",
        wholeNumber(1, workerLimit),
      ).default(Math.min(workerLimit, Math.max(1, cores))),
    )
    .addHelpText("after", more);
  addDisplay(command, { progress: true });
  command.action((models: string[], flags: Flags) => run(optionsOf(models, flags), flags));
}

function optionsOf(models: readonly string[], flags: Flags): TrackOptions {
  const { text = null, tokens = null } = flags;
  if (text !== null && tokens !== null)
    throw new ArgumentError({ where: "--tokens", rule: "stands in place of --text", got: "both" });
  for (const flag of ["tagged", "bos"] as const)
    if (flags[flag] !== undefined && text === null)
      throw new ArgumentError({
        where: `--${flag}`,
        rule: "needs --text, which it says more about",
        got: "none",
      });
  const twice = models.find((model, i) => models.indexOf(model) !== i);
  if (twice !== undefined)
    throw new ArgumentError({
      where: "track",
      rule: "each model may be named once",
      got: JSON.stringify(twice),
    });
  return {
    ...{ models, steps: flags.steps ?? null, revisions: flags.revisions, text, tokens },
    ...{ tagged: flags.tagged ?? null, bos: flags.bos ?? null },
    ...{ positions: flags.positions ?? null, sequences: flags.sequences, leastCount: flags.least },
    ...{ draws: flags.draws, init: flags.init, preset: flags.preset ?? null, seeds: flags.seed },
    ...{ cache: flags.cache ?? null, force: flags.force ?? false, backend: flags.backend },
    ...{ workers: flags.workers, out: flags.out ?? null },
  };
}

/** The words of the command that gives the same numbers again. */
export function trackWords(options: TrackOptions): string[] {
  const { models, steps, revisions, seeds } = options;
  return [
    "track",
    ...withNames(
      models,
      optionWords([
        ["steps", steps === null ? null : steps.join(",")],
        ["revisions", revisions === standardRevisions ? null : revisions],
        ["text", options.text],
        ["tagged", options.tagged],
        ["bos", options.bos],
        ["tokens", options.tokens],
        ["positions", options.positions],
        ["sequences", options.sequences],
        ["least", options.leastCount],
        ["draws", options.draws],
        ["init", options.init],
        ["preset", options.preset],
        ["seed", seeds === "all" ? null : seeds.join(",")],
        ["cache", options.cache],
        ["force", options.force],
        ["backend", options.backend],
      ]),
    ),
  ];
}
