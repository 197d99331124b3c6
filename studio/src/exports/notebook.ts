/** A run as a notebook (nbformat 4.5, Deno kernel) that computes it again, with what was found in it. */
import type { FigureSpec } from "../../../src/figures/figure.ts";
import { lossByPosition } from "../../../src/figures/lossByPosition.ts";
import { lossCurves } from "../../../src/figures/lossCurves.ts";
import { renderFigure } from "../../../src/figures/renderFigure.ts";
import { tuningThroughTraining } from "../../../src/figures/tuningThroughTraining.ts";
import type { PresetName } from "../../../src/model/config.ts";
import { heldOutLoss } from "../../../src/studies/persistence/analyse.ts";
import type { StudioSettings } from "../../../src/studies/persistence/runConfig.ts";
import type { ArmResult } from "../../../src/studies/population/gather.ts";
import type { Finding } from "../state/findingsFile.ts";
import { runData } from "../views/training/runData.ts";
import { comparisonCode, dataCode, importsCode, settingsCode, trainingCode } from "./notebookCode.ts";

/** What a notebook is made of. */
export interface NotebookRequest {
  readonly made: StudioSettings;
  /** As far as the run was trained. */
  readonly result: ArmResult;
  /** The state of the page, the part of its address after `#`. */
  readonly link: string;
  readonly findings: readonly Finding[];
  /** Of palimpsest. */
  readonly version: string;
}

interface Output {
  output_type: "execute_result";
  execution_count: number;
  data: Record<string, string[]>;
  metadata: object;
}
type Cell =
  | { cell_type: "markdown"; id: string; metadata: object; source: string[] }
  | {
      cell_type: "code";
      execution_count: number;
      id: string;
      metadata: object;
      outputs: Output[];
      source: string[];
    };

/** Lines that keep their ends, as notebooks have them. */
const withEnds = (text: string) => text.split(/(?<=\n)/);

/** A person's text as text: in Markdown, and in the HTML that may stand in it, it means nothing. */
const plain = (text: string) => text.replace(/[\\`*_[\]<>&#|~$]/g, (sign) => `\\${sign}`);

/** Adds cells one after the other, and numbers them. */
function openCells() {
  const cells: Cell[] = [];
  let count = 0;
  const id = () => `cell-${cells.length + 1}`;
  return {
    cells,
    markdown: (text: string) => {
      cells.push({ cell_type: "markdown", id: id(), metadata: {}, source: withEnds(text) });
    },
    /** @param data  what it showed when it was run in the page */
    code: (source: string, data?: Readonly<Record<string, string>>) => {
      count++;
      const lines = Object.entries(data ?? {}).map(([type, text]) => [type, withEnds(text)]);
      const outputs: Output[] =
        data === undefined
          ? []
          : [
              {
                ...{ output_type: "execute_result", execution_count: count },
                ...{ data: Object.fromEntries(lines), metadata: {} },
              },
            ];
      cells.push({
        ...{ cell_type: "code", execution_count: count, id: id(), metadata: {} },
        ...{ outputs, source: withEnds(source) },
      });
    },
  };
}

/** What a stretch of training is made of, in the order in which it reads best. */
type Way = Pick<StudioSettings["settings"], "task" | "lr" | "sequences" | "batch">;

const names: Readonly<Record<keyof Way, string>> = {
  task: "task",
  lr: "learning rate",
  sequences: "sequences",
  batch: "batch",
};

/** Stretches of training: from the initialisation or a branch, to the next or to where the run is. */
function stretches({ settings, branches }: StudioSettings, end: number) {
  const { task, lr, sequences, batch } = settings;
  const ways = [{ from: 0, changed: {}, way: { task, lr, sequences, batch } }];
  for (const { step, optimizer: _, ...changed } of branches)
    ways.push({ from: step, changed, way: { ...ways[ways.length - 1].way, ...changed } });
  return ways.map((stretch, i) => ({ ...stretch, to: ways[i + 1]?.from ?? end }));
}

/**
 * The text of the notebook's file.
 *
 * @param document  where the figures are drawn; linkedom's gives what the cells give when they are run
 */
export function notebookOf(
  { made, result, link, findings, version }: NotebookRequest,
  document: Document,
): string {
  const { settings, model } = made;
  const preset = settings.presets[0] as PresetName;
  const { seeds } = settings;
  const checkpoints = result.checkpoints.map(({ step }) => step);
  const end = checkpoints[checkpoints.length - 1];
  const { cells, markdown, code } = openCells();
  markdown(`# ${seeds.length} networks of the preset ${plain(preset)}

Trained in the studio of Palimpsest ${version} to step ${end}. The cells train them again from their initialisation: the same
networks, to the last bit. In a studio, this address shows the run:

    #${link}

The packages are \`palimpsest\` and \`linkedom\`; where they are not in the import map of a \`deno.json\`, write
\`npm:palimpsest\`, \`npm:palimpsest/figures\` and so on.`);
  code(importsCode);
  markdown("## The networks, before training");
  code(settingsCode(settings, preset, model, checkpoints));
  markdown(`## Training

A population is trained as one; it is looked at on the way, at the checkpoints, which changes nothing of it.`);
  code(trainingCode);
  const all = stretches(made, end);
  for (const [i, { from, to, changed, way }] of all.entries()) {
    const changes = Object.entries(changed).map(([name, value]) => `${names[name as keyof Way]} ${value}`);
    if (i > 0) markdown(`### From step ${from} on: ${plain(changes.join(", "))}`);
    const { task, lr, sequences, batch } = way;
    const asked = `{ to: ${to}, task: ${JSON.stringify(task)}, lr: ${lr}, sequences: ${sequences}, batch: ${batch} }`;
    code(`${i === 0 ? "let divergedAt = " : "divergedAt = "}await train(${asked});`);
  }
  markdown(`## What came of it

Beside every number stands what it would be without training or without memory: the exact Bayes floor for losses, and for
tuning the initialisation of another seed.`);
  code(dataCode(preset));
  const data = runData(preset, result);
  const figure = (source: string, spec: FigureSpec) =>
    code(`show(${source}([data]));`, {
      "image/svg+xml": renderFigure(spec, document),
      "text/plain": spec.title,
    });
  if (end > 0) figure("lossCurves", lossCurves([data]));
  figure("lossByPosition", lossByPosition([data]));
  if (data.layers.length > 0) figure("tuningThroughTraining", tuningThroughTraining([data]));
  markdown("Are these the networks of the page?");
  code(comparisonCode([...heldOutLoss(result, checkpoints.length - 1)]), {
    "text/plain": `${seeds.length} of ${seeds.length} seeds have the page's loss, to the last bit`,
  });
  if (findings.length > 0) {
    const told = findings.map(
      ({ title, note, link: where }) =>
        `### ${plain(title)}\n\n${note === "" ? "" : `${plain(note)}\n\n`}    #${where.replace(/\s+/g, "")}`,
    );
    markdown(`## Findings\n\n${told.join("\n\n")}`);
  }
  const notebook = {
    cells,
    metadata: {
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
      language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(notebook, null, 1)}\n`;
}
