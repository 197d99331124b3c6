/** `palimpsest inspect`: opens the networks and their null, asks the question, tells what was found. */
import { backendNamed, chosenBackend } from "../../backends/registry.ts";
import type { Backend } from "../../graph/backend.ts";
import { openNetwork } from "../../interp/network.ts";
import type { InspectOptions } from "../commands/inspect.ts";
import type { Question } from "../commands/inspectVerbs.ts";
import { inspectAblate } from "../inspect/ablate.ts";
import { inspectAttribution } from "../inspect/attribution.ts";
import { inspectCircuits } from "../inspect/circuits.ts";
import { inspectHeads } from "../inspect/heads.ts";
import type { Subject } from "../inspect/inspected.ts";
import { inspectLens } from "../inspect/lens.ts";
import { inspectPatch } from "../inspect/patch.ts";
import { drawnNetworks, openSubject } from "../inspect/subject.ts";
import { wrapped } from "../inspect/tables.ts";
import { inspectUnits } from "../inspect/units.ts";
import type { Findings, Inspection } from "../inspect/verb.ts";
import type { Outcome, RunIo } from "../io.ts";
import { openSvg } from "../svgFile.ts";

/** Answers one question. */
export async function runInspect(options: InspectOptions, io: RunIo): Promise<Outcome> {
  const { question, draws, svg } = options;
  const backend = await backendNamed(chosenBackend(options.backend));
  const subject = openSubject(options.subject, io.cwd);
  const file = svg === null ? null : openSvg(svg, io.cwd);
  const opened = [openNetwork(backend, subject.config, subject.weights)];
  const draw = (count: number) => {
    if (count === 0) return null;
    const drawn = openNetwork(backend, subject.config, drawnNetworks(subject, count));
    opened.push(drawn);
    return drawn;
  };
  try {
    const findings = await answer({ subject, network: opened[0], draws, draw }, question, backend);
    file?.write(findings.figure());
    return {
      result: { verb: question.verb, ...described(subject, findings.draws), ...findings.result },
      summary: [title(subject), ...findings.text]
        .flatMap((part) => (typeof part === "string" ? wrapped(part) : part))
        .join("\n"),
    };
  } finally {
    file?.discard();
    for (const network of opened) network.close();
  }
}

async function answer(
  inspection: Inspection,
  { verb, choice }: Question,
  backend: Backend,
): Promise<Findings> {
  switch (verb) {
    case "lens":
      return inspectLens(inspection, choice);
    case "heads":
      return inspectHeads(inspection, choice, backend);
    case "attribution":
      return inspectAttribution(inspection, choice);
    case "patch":
      return inspectPatch(inspection, choice);
    case "ablate":
      return inspectAblate(inspection, choice);
    case "units":
      return inspectUnits(inspection, choice);
    case "circuits":
      return inspectCircuits(inspection, choice);
  }
}

const initText = ({ init: { scheme, embeddingScale } }: Subject) =>
  embeddingScale === 1 ? scheme : `${scheme}:${embeddingScale}`;

function described(subject: Subject, draws: number): object {
  const { preset, run, step, seeds, config } = subject;
  return {
    subject: { preset, run, step, seeds, init: initText(subject), config },
    null: {
      draws,
      says: "networks of the same config and initialisation, never trained, on the same inputs",
      correction: "each cell against the largest of the whole table (Westfall and Young)",
    },
  };
}

function title(subject: Subject): string {
  const { preset, run, step, seeds } = subject;
  const networks = seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds (${seeds.join(", ")})`;
  const time = run === null ? `random weights (${initText(subject)})` : `step ${step}`;
  return `${run === null ? preset : `${run}: ${preset}`}, ${networks}, ${time}`;
}
