/** The verbs of `palimpsest inspect` and the options that each takes. */
import type { Command } from "commander";
import type { UnitKind } from "../../features/unitSites.ts";
import type { LensNorm, SweepAxis } from "../../interp/index.ts";
import { valueOption } from "../commonOptions.ts";
import type { AblateChoice } from "../inspect/ablate.ts";
import type { AttributionChoice } from "../inspect/attribution.ts";
import { ablationManners, attributionParts, type CircuitPart, circuitParts } from "../inspect/choiceNames.ts";
import type { CircuitsChoice } from "../inspect/circuits.ts";
import type { InputChoice } from "../inspect/inputs.ts";
import type { LensChoice } from "../inspect/lens.ts";
import type { PatchChoice } from "../inspect/patch.ts";
import type { Given, Prompt, TokenGiven } from "../inspect/prompts.ts";
import type { UnitsChoice } from "../inspect/units.ts";
import { nameAmong, namesAmong, path, position, prompts, text, wholeNumber } from "../optionValues.ts";
import {
  addInputs,
  addMetric,
  addSweep,
  addTask,
  addTop,
  type InputFlags,
  inputChoice,
  type MetricFlags,
  metricChoice,
  type SweepFlags,
  sweepChoice,
  tokenOption,
} from "./inspectOptions.ts";

/** One question of one verb. */
export type Question =
  | { readonly verb: "lens"; readonly choice: Given<LensChoice> }
  | { readonly verb: "heads"; readonly choice: Given<InputChoice> }
  | { readonly verb: "attribution"; readonly choice: Given<AttributionChoice> }
  | { readonly verb: "patch"; readonly choice: Given<PatchChoice> }
  | { readonly verb: "ablate"; readonly choice: Given<AblateChoice> }
  | { readonly verb: "units"; readonly choice: Given<UnitsChoice> }
  | { readonly verb: "circuits"; readonly choice: CircuitsChoice };

/** A verb: its words and options, and the question that they come to. */
export interface Verb<Flags> {
  readonly name: Question["verb"];
  readonly description: string;
  /** Command lines after `palimpsest inspect`. */
  readonly examples: readonly string[];
  addOptions(command: Command): void;
  question(flags: Flags): Question;
}

const verb = <Flags>(parts: Verb<Flags>): Verb<Flags> => parts;

const lens = verb<InputFlags & { norm: LensNorm; original?: boolean; top: number }>({
  name: "lens",
  description: "What the network would answer if its stream were read off at each site.",
  examples: [
    "original --seed 3 lens",
    "runs/small lens --tokens 0,1,2,3,4 --top 3 --norm frozen",
    'models/gpt2 lens --text "The capital of France is"',
  ],
  addOptions: (command) => {
    addInputs(command, "1");
    command
      .addOption(
        valueOption(
          "norm",
          "which",
          "a final layer norm: recomputed for each stream, or frozen at the last one's scale",
          nameAmong(["recomputed", "frozen"] as const),
        ).default("recomputed"),
      )
      .option("--original", "the original study's variant, which projects the outputs of sublayers")
      .addOption(valueOption("top", "k", "tokens at each place", wholeNumber(1, 1000)).default(1));
  },
  question: ({ norm, original = false, top, ...flags }) => ({
    verb: "lens",
    choice: { ...inputChoice(flags), norm, original, top },
  }),
});

const heads = verb<InputFlags>({
  name: "heads",
  description: "Where each head looks, and what kind of head that makes it, against random heads.",
  examples: [
    "original --seed 0-9 heads",
    "runs/small --step 0 heads --task patterns",
    "EleutherAI/pythia-70m --revision step512 heads",
  ],
  addOptions: (command) => {
    addInputs(command, "64, of repeated random tokens unless --task says otherwise");
  },
  question: (flags) => ({ verb: "heads", choice: inputChoice(flags) }),
});

const attribution = verb<
  InputFlags & {
    by: AttributionChoice["by"];
    answer?: TokenGiven;
    wrong?: TokenGiven;
    position?: number | "last";
    top: number;
  }
>({
  name: "attribution",
  description: "A logit as the sum of what every part of the network wrote to the stream.",
  examples: [
    "original --seed 3 attribution",
    "runs/small attribution --by head --answer 5 --wrong 2",
    'models/gpt2 attribution --by head --text "John gave it to" --answer " Mary"',
  ],
  addOptions: (command) => {
    addInputs(command, "32");
    command
      .addOption(
        valueOption(
          "by",
          "part",
          `how fine: ${attributionParts.join(", ")}`,
          nameAmong(attributionParts),
        ).default("component"),
      )
      .addOption(tokenOption("answer", "the token whose logit it is (default: the next one)"))
      .addOption(tokenOption("wrong", "its logit is subtracted"))
      .addOption(
        valueOption("position", "p", "a position from 0, or last (default: last)", position(["last"])),
      );
    addTop(command);
  },
  question: ({ by, answer = null, wrong = null, position = null, top, ...flags }) => ({
    verb: "attribution",
    choice: { ...inputChoice(flags), by, answer, wrong, position, top },
  }),
});

const sequencesGiven =
  (flag: string) =>
  (value: string, before: readonly Prompt[] = []) =>
    prompts(flag)(value, before);

const patchAxes: readonly SweepAxis[] = ["layer", "pos"];

const patch = verb<
  InputFlags &
    MetricFlags &
    SweepFlags & {
      clean?: readonly Prompt[];
      corrupt?: readonly Prompt[];
      direction: PatchChoice["direction"];
      approximate?: boolean;
    }
>({
  name: "patch",
  description: "Which part of a clean run, put into a corrupt one, brings its answer back.",
  examples: [
    "original --seed 3 patch",
    "runs/small patch --by layer,head --seed all",
    "original patch --clean 0,1,2 --corrupt 0,5,2 --answer 4 --wrong 7",
    'models/gpt2 patch --clean "…" --corrupt "…" --answer " Mary" --wrong " John"',
  ],
  addOptions: (command) => {
    command
      .addOption(
        valueOption("clean", "input", "tokens or text with the answer; may be repeated", sequencesGiven),
      )
      .addOption(
        valueOption("corrupt", "input", "its partner without; once for each --clean", sequencesGiven),
      );
    addTask(command, "16 pairs with different answers");
    addMetric(command, "logit-diff where both answers are known, else kl from the clean run");
    addSweep(command, patchAxes);
    command
      .addOption(
        valueOption(
          "direction",
          "which",
          "denoising: clean into corrupt; noising: corrupt into clean",
          nameAmong(["denoising", "noising"] as const),
        ).default("denoising"),
      )
      .option("--approximate", "also by gradient, with the correlation to the exact effects");
  },
  question: ({ clean = [], corrupt = [], direction, approximate = false, ...flags }) => {
    const { task, sequences } = inputChoice(flags);
    return {
      verb: "patch",
      choice: {
        ...{ clean, corrupt, task, sequences, direction, approximate },
        ...metricChoice(flags),
        ...sweepChoice(flags, patchAxes),
      },
    };
  },
});

const ablateAxes: readonly SweepAxis[] = ["layer", "head"];

const ablate = verb<
  InputFlags & MetricFlags & SweepFlags & { how: AblateChoice["how"]; approximate?: boolean }
>({
  name: "ablate",
  description: "What the answer loses when a part is silenced.",
  examples: ["original --seed 3 ablate", "runs/small ablate --by layer,unit --how resample --approximate"],
  addOptions: (command) => {
    addInputs(command, "16");
    command.addOption(
      valueOption(
        "how",
        "manner",
        `what a part becomes: ${ablationManners.join(", ")}`,
        nameAmong(ablationManners),
      ).default("mean"),
    );
    addMetric(command, "loss");
    addSweep(command, ablateAxes);
    command.option("--approximate", "also by gradient (Taylor), with the correlation to the impacts");
  },
  question: ({ how, approximate = false, ...flags }) => ({
    verb: "ablate",
    choice: {
      ...{ how, approximate },
      ...inputChoice(flags),
      ...metricChoice(flags),
      ...sweepChoice(flags, ablateAxes),
    },
  }),
});

const unitKinds = ["neuron", "residual", "head"] as const satisfies readonly UnitKind[];

const units = verb<{
  kind: UnitKind;
  unit?: string;
  token?: TokenGiven;
  position?: number;
  text?: string;
  blocks: number;
  top: number;
}>({
  name: "units",
  description:
    "What units are tuned to; the strongest inputs of one; or whether they respond to a token at a position.",
  examples: [
    "original --seed 3 units",
    "runs/small units --unit L0N17",
    "runs/small --seed all units --token 3 --position 5",
    "models/gpt2 units --text corpus.txt --unit L3N17",
  ],
  addOptions: (command) => {
    command
      .addOption(
        valueOption(
          "kind",
          "units",
          `which: ${unitKinds.join(", ")} (MLP neurons, stream, head outputs)`,
          nameAmong(unitKinds),
        ).default("neuron"),
      )
      .addOption(valueOption("unit", "name", "one unit: L0N17, L1R3 (stream) or L0H1D2 (head)", text))
      .addOption(tokenOption("token", "ask for the response to this token"))
      .addOption(valueOption("position", "p", "at this position, from 0", wholeNumber(0, 1_000_000)))
      .addOption(
        valueOption("text", "file", "the strongest positions of a text, for a pretrained model", path),
      )
      .addOption(
        valueOption(
          "blocks",
          "n",
          "size of the probe: so many times the vocabulary",
          wholeNumber(2, 1000),
        ).default(20),
      );
    addTop(command);
  },
  question: ({ kind, unit = null, token = null, position = null, text: corpus = null, blocks, top }) => ({
    verb: "units",
    choice: { kind, unit, token, position, corpus, blocks, top },
  }),
});

const circuits = verb<{ parts?: readonly CircuitPart[]; top: number }>({
  name: "circuits",
  description: "What the weights alone say: composition and copying of heads, singular directions.",
  examples: ["original --seed 3 circuits", "runs/small --seed all circuits --parts composition"],
  addOptions: (command) => {
    command.addOption(
      valueOption(
        "parts",
        "names",
        `what is asked: ${circuitParts.join(", ")} (default: all)`,
        namesAmong(circuitParts),
      ),
    );
    addTop(command, 12);
  },
  question: ({ parts = circuitParts, top }) => ({ verb: "circuits", choice: { parts, top } }),
});

/** Every verb in the order of the help. */
export const verbs = [lens, heads, attribution, patch, ablate, units, circuits] as readonly Verb<never>[];
