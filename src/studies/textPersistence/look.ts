/** How networks of S15 are looked at: their tuning on the text and on a balanced probe. */
import { type TextCurves, textCurves } from "../../features/textCurves.ts";
import { contextFactor, type FactorTable, positionFactor, tokenFactor } from "../../features/textFactors.ts";
import { type TextCells, textTuningProgram, textTuningStates } from "../../features/textTuning.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import type { CellMeans } from "../../features/unitCurves.ts";
import type { Backend } from "../../graph/backend.ts";
import { hook } from "../../model/hookPoints.ts";
import { modelCount, type Weights, weightShapes } from "../../model/weights.ts";
import { openTuning } from "../population/lookInside.ts";
import { layers } from "./plan.ts";
import type { Library } from "./reading.ts";

const site = (layer: number) => hook.mlpPost(layer);
const sites = layers.map(site);

/** Tuning of one layer on the text. */
export interface OnText {
  /** Character × position. */
  readonly places: TextCurves;
  /** Character × the character before. */
  readonly contexts: TextCurves;
}

/** Measurements that can be repeated for other weights of as many networks. */
export interface Looks {
  /** Curves over character × position on the text, [layer]. */
  places(weights: Weights): Promise<TextCurves[]>;
  /** All curves on the text, [layer]. */
  onText(weights: Weights): Promise<OnText[]>;
  /** Curves on the balanced probe, [layer]. */
  balanced(weights: Weights): Promise<TuningCurves[]>;
  close(): void;
}

/** How the positions of the probe are sorted: what stands there by where it stands, and by what came before. */
function tablesOf({ probe, characters }: Library): [places: FactorTable, contexts: FactorTable] {
  const classes = { levels: characters, of: Int32Array.from(characters, (_, token) => token) };
  const rows = tokenFactor(probe, classes, "character");
  return [
    { name: "character × position", rows, columns: positionFactor(probe) },
    { name: "character × character before", rows, columns: contextFactor(probe, classes) },
  ];
}

/**
 * Opens the measurements.
 *
 * @param weights  of any networks of as many models
 */
export function openLooks(backend: Backend, books: Library, weights: Weights): Looks {
  const { config, probe, balanced } = books;
  const models = modelCount(config, weights);
  const tables = tablesOf(books);
  const shapes = weightShapes(config);
  const session = backend.open({
    models,
    states: { ...Object.fromEntries(shapes), ...textTuningStates(config, { sites, tables }) },
  });
  const program = textTuningProgram(session, config, { sites, probe, tables });
  const onBalanced = openTuning(backend, config, models, { sites, probe: balanced });
  const cellsOf = async (of: Weights): Promise<(readonly TextCells[])[]> => {
    for (const name of shapes.keys()) session.write(name, of[name]);
    const { cells } = await program.measure();
    return sites.map((each) => cells.get(each) as readonly TextCells[]);
  };
  return {
    places: async (of) => (await cellsOf(of)).map(([places]) => textCurves(places)),
    onText: async (of) =>
      (await cellsOf(of)).map(([places, contexts]) => ({
        places: textCurves(places),
        contexts: textCurves(contexts),
      })),
    balanced: async (of) => {
      const found = await onBalanced.measure(of);
      return sites.map((each) => found.get(each) as TuningCurves);
    },
    close: () => {
      session.close();
      onBalanced.close();
    },
  };
}

/** The cells of a table as those of any probe, for what compares whole curves: a row a cell. */
export function asCells({ site, models, units, cells, cellMean }: TextCurves): CellMeans {
  return { site, models, units, dVocab: cells.length, nPos: 1, cellMean };
}
