/** `palimpsest inspect`: opens the networks and their null, asks the question, tells what was found. */
import type { Backend } from "../../graph/backend.ts";
import { type Network, openNetwork } from "../../interp/network.ts";
import type { InspectOptions } from "../commands/inspect.ts";
import type { Question } from "../commands/inspectVerbs.ts";
import { type AblateChoice, inspectAblate } from "../inspect/ablate.ts";
import { type AttributionChoice, inspectAttribution } from "../inspect/attribution.ts";
import { inspectCircuits } from "../inspect/circuits.ts";
import { inspectHeads } from "../inspect/heads.ts";
import type { InputChoice } from "../inspect/inputs.ts";
import type { Subject } from "../inspect/inspected.ts";
import { inspectLens, type LensChoice } from "../inspect/lens.ts";
import { inspectPatch, type PatchChoice } from "../inspect/patch.ts";
import { readGiven } from "../inspect/prompts.ts";
import { drawnNetworks, openSubject } from "../inspect/subject.ts";
import { wrapped } from "../inspect/tables.ts";
import { inspectUnits, type UnitsChoice } from "../inspect/units.ts";
import { type Findings, type Inspection, nullSays } from "../inspect/verb.ts";
import type { Outcome, RunIo } from "../io.ts";
import { openSvg } from "../svgFile.ts";

/** Answers one question. */
export async function runInspect(options: InspectOptions, io: RunIo): Promise<Outcome> {
  const { question, draws, svg } = options;
  const { subject, network, backend } = await openSubject(options.subject, options.backend, io);
  let drawn: { first: number; count: number; network: Network } | null = null;
  const draw = async (first: number, count: number) => {
    if (drawn?.first === first && drawn.count === count) return drawn.network;
    drawn?.network.close();
    const weights = await drawnNetworks({ subject, network }, first, count);
    drawn = { first, count, network: openNetwork(backend, subject.config, weights) };
    return drawn.network;
  };
  let file: ReturnType<typeof openSvg> | null = null;
  try {
    file = svg === null ? null : openSvg(svg, io.cwd);
    const inspection = { subject, network, draws, draw };
    const findings = await answer(inspection, question, { backend, cwd: io.cwd });
    file?.write(findings.figure());
    return {
      result: { verb: question.verb, ...described(subject, findings.draws), ...findings.result },
      summary: [title(subject), ...findings.text]
        .flatMap((part) => (typeof part === "string" ? wrapped(part) : part))
        .join("\n"),
    };
  } finally {
    file?.discard();
    network.close();
    (drawn as { network: Network } | null)?.network.close();
  }
}

async function answer(
  inspection: Inspection,
  question: Question,
  { backend, cwd }: { backend: Backend; cwd: string },
): Promise<Findings> {
  const { subject } = inspection;
  switch (question.verb) {
    case "lens":
      return inspectLens(inspection, readGiven<LensChoice>(question.choice, subject));
    case "heads":
      return inspectHeads(
        inspection,
        readGiven<InputChoice>(question.choice, subject, { random: true }),
        backend,
      );
    case "attribution":
      return inspectAttribution(inspection, readGiven<AttributionChoice>(question.choice, subject));
    case "patch":
      return inspectPatch(inspection, readGiven<PatchChoice>(question.choice, subject));
    case "ablate":
      return inspectAblate(inspection, readGiven<AblateChoice>(question.choice, subject));
    case "units":
      return inspectUnits(inspection, readGiven<UnitsChoice>(question.choice, subject), cwd);
    case "circuits":
      return inspectCircuits(inspection, question.choice);
  }
}

function initText({ init }: Subject): string {
  if (init === null) return "none";
  return init.embeddingScale === 1 ? init.scheme : `${init.scheme}:${init.embeddingScale}`;
}

function described(subject: Subject, draws: number): object {
  const { name, run, step, seeds, config, pretrained } = subject;
  const correction = "each cell against the largest of the whole table (Westfall and Young)";
  if (pretrained !== null) {
    const { family, processing, nullKind } = pretrained;
    return {
      subject: { model: name, family, processing, config },
      null: { draws, kind: nullKind, says: nullSays(subject), correction },
    };
  }
  return {
    subject: { preset: name, run, step, seeds, init: initText(subject), config },
    null: { draws, says: nullSays(subject), correction },
  };
}

function title(subject: Subject): string {
  const { name, run, step, seeds, pretrained, config } = subject;
  if (pretrained !== null) {
    const processed = pretrained.processing.length === 0 ? "" : `, ${pretrained.processing.join(", ")}`;
    return `${name}: ${pretrained.family}, ${config.nLayers} layers of ${config.nHeads} heads, width ${config.dModel}${processed}`;
  }
  const networks = seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds (${seeds.join(", ")})`;
  const time = run === null ? `random weights (${initText(subject)})` : `step ${step}`;
  return `${run === null ? name : `${run}: ${name}`}, ${networks}, ${time}`;
}
