/** `palimpsest models pairs`: minimal pairs put to models, and to fresh networks of the same architecture. */
import { backendNamed, chosenBackend } from "../../backends/registry.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { MinimalPair } from "../../data/text/minimalPairs.ts";
import { counted } from "../../figures/index.ts";
import { type Network, openNetwork } from "../../interp/index.ts";
import { parameterCount } from "../../model/weights.ts";
import {
  encodePairs,
  joinOutcomes,
  type PairOutcomes,
  pairReport,
  scorePairs,
  shorterOutcomes,
} from "../../studies/pairs/index.ts";
import type { BackendChoice } from "../commonOptions.ts";
import { tokenShown } from "../inspect/tokenText.ts";
import type { Outcome, RunIo } from "../io.ts";
import type { ModelChoice } from "../models/openModel.ts";
import { printable } from "../printable.ts";
import type { Picture } from "../progress.ts";
import { bar } from "../renderBoard.ts";
import { openPairSubject, type PairSubject } from "./pairSubject.ts";
import { pairsSummary } from "./pairsSummary.ts";
import { readPairs } from "./readPairs.ts";

/** What is put to which models. */
export interface PairsOptions extends ModelChoice {
  /** Files, or folders of files. */
  readonly paths: readonly string[];
  /** Fresh networks that are asked the same; 0 for none. */
  readonly nulls: number;
  /** Most pairs of a UID, the first of the files; null for all. */
  readonly limit: number | null;
  /** Text before every sentence; null for the tokenizer's own beginning. */
  readonly begin: string | null;
  /** Leaves out what the model cannot read, in place of refusing it. */
  readonly leaveOutUnfit: boolean;
  readonly backend: BackendChoice;
}

/** Fresh networks are opened together as long as they are small: numbers of all weights, and networks. */
const [mostWeights, mostTogether] = [2 ** 24, 8];

/** The first pairs of every UID. */
function firstOfEach(pairs: readonly MinimalPair[], limit: number): MinimalPair[] {
  const taken = new Map<string, number>();
  return pairs.filter(({ uid }) => {
    const count = (taken.get(uid) ?? 0) + 1;
    taken.set(uid, count);
    return count <= limit;
  });
}

/** How far the work is, over the subject and the networks of the null. */
function picture(name: string, share: number, started: number): Picture {
  const line = `pairs ${name}  ${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %`;
  return {
    lines: (_, width) => [printable(line).replaceAll("\n", " ").slice(0, width)],
    record: (now) => ({
      ...{ event: "progress", title: printable(`pairs ${name}`), seconds: (now - started) / 1000, share },
    }),
  };
}

function chosenPairs(all: readonly MinimalPair[], { limit, paths }: PairsOptions) {
  const whole = all.filter(({ wholeSentence }) => wholeSentence);
  if (whole.length === 0)
    throw new ArgumentError({
      where: paths.join(", "),
      rule: "must hold pairs whose whole sentences may be compared",
      got: "simple_LM_method false in all",
    });
  return {
    pairs: limit === null ? whole : firstOfEach(whole, limit),
    other: all.filter(({ wholeSentence }) => !wholeSentence),
  };
}

function requireCausal({ config, name, family }: PairSubject): void {
  if (config.causal) return;
  throw new ArgumentError({
    where: name,
    rule: `${family} models look ahead, so they give a sentence no probability`,
    wayOut: "Their pseudo-log-likelihood is another measure, which this command does not take.",
  });
}

/** Puts minimal pairs to models. */
export async function runPairs(options: PairsOptions, io: RunIo): Promise<Outcome> {
  const { board, clock, signal, cwd } = io;
  const input = await readPairs(options.paths, cwd);
  const { pairs, other } = chosenPairs(input.pairs, options);
  const subject = await openPairSubject(options, io);
  try {
    requireCausal(subject);
    const { name, family, config, tokenizer, seeds, step, missing, init } = subject;
    const encoded = encodePairs(pairs, tokenizer, config, {
      ...{ begin: options.begin, leaveOut: options.leaveOutUnfit },
    });
    if (missing.length > 0) board.log(`${name}: seeds ${missing.join(", ")} left no model: they diverged`);
    const backend = await backendNamed(chosenBackend(options.backend, config));
    const started = clock();
    const networks = (seeds?.length ?? 1) + options.nulls;
    let before = 0;
    /** Scores by an open network, which is closed. */
    const scored = async (network: Network): Promise<PairOutcomes> => {
      try {
        return await scorePairs(network, encoded, {
          onProgress: (done, total) => {
            signal.throwIfAborted();
            const share = (before + (network.models * done) / total) / networks;
            board.draw(picture(name, share, started));
          },
        });
      } finally {
        before += network.models;
        network.close();
      }
    };
    const network = await subject.open(backend);
    const processed = network.config;
    const outcomes = await scored(network);
    const together = Math.floor(mostWeights / parameterCount(config));
    const chunk = Math.max(1, Math.min(mostTogether, together));
    const fresh: PairOutcomes[] = [];
    for (let first = 0; first < options.nulls; first += chunk) {
      const count = Math.min(chunk, options.nulls - first);
      fresh.push(await scored(openNetwork(backend, processed, subject.fresh(first, count))));
    }
    const report = pairReport({
      ...{ pairs: encoded.pairs, outcomes, shorter: shorterOutcomes(encoded) },
      fresh: fresh.length === 0 ? null : joinOutcomes(fresh),
      leftOut: [...encoded.unfit.map(({ pair }) => pair), ...other],
    });
    const { start, unfit } = encoded;
    const shownStart = start.map((token) => tokenShown(tokenizer, token)).join(" ");
    return {
      result: {
        model: {
          ...{ name, family, seeds, step, missingSeeds: missing, backend: backend.name },
          ...{ processing: options.processing, config: processed },
        },
        start: { tokens: start, text: start.map((token) => tokenizer.tokenText(token)).join("") },
        files: input.files,
        limit: options.limit,
        leftOut: {
          notWholeSentence: other.length,
          unfit: unfit.map(({ pair, reason }) => ({ where: pair.where, uid: pair.uid, reason })),
        },
        nulls: { draws: options.nulls, init },
        ...report,
      },
      summary: pairsSummary(report, {
        lines: [
          `${name}: ${family}, ${config.nLayers} layers, width ${config.dModel}, ${config.dVocab} tokens${seeds === null ? "" : `; seeds ${seeds.join(", ")}${step === null ? "" : ` at step ${step}`}`}; backend ${backend.name}`,
          `${counted(encoded.pairs.length, "pair")} of ${counted(report.uids.length, "UID")} in ${counted(input.files.length, "file")}, judged by ln P of whole sentences.`,
          start.length > 0
            ? `Before every sentence ${shownStart}, given and not scored.`
            : "The tokenizer has no token for the beginning: the first token of a sentence is given, not scored.",
          ...(missing.length > 0 ? [`Seeds ${missing.join(", ")} left no model: they diverged.`] : []),
          ...(unfit.length > 0
            ? [
                `Left out: ${counted(unfit.length, "pair")} that the model cannot read; the first, ${unfit[0].pair.where}: a sentence ${unfit[0].reason}.`,
              ]
            : []),
          ...(other.length > 0
            ? [`Left out: ${counted(other.length, "pair")} not made for whole sentences (simple_LM_method).`]
            : []),
          ...(options.nulls > 0 ? [`Fresh networks: ${options.nulls}, ${init}.`] : []),
        ],
        nulls: options.nulls,
      }),
    };
  } finally {
    await subject.close();
  }
}
