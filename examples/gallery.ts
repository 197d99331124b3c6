/**
 * Every figure of the experiments and of the studio, made from real networks: one random network with others like it as
 * its null, and eight that are trained.
 *
 * Run it with a folder to write the pictures there as SVG; import it to have them as specifications or as text.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { wasmBackend } from "../src/backends/wasm/index.ts";
import {
  type FigureSpec,
  positionSelectivity,
  renderFigure,
  tokenSelectivity,
} from "../src/figures/index.ts";
import { openNetwork } from "../src/interp/index.ts";
import { weightsOfModel } from "../src/model/index.ts";
import { attribution, lens, patching, patterns, scores, variability } from "./gallery/heads.ts";
import { lookFigures } from "./gallery/looks.ts";
import { embeddingCosines, singularValues } from "./gallery/matrices.ts";
import { config, measured, weights } from "./gallery/population.ts";
import { effectSizes, structuredResponses } from "./gallery/responses.ts";
import {
  distributions,
  inputs,
  interaction,
  selectivity,
  tokenPositionMaps,
  unitPairs,
} from "./gallery/units.ts";

/** Every figure, in the order in which a report would have them. */
export async function galleryFigures(): Promise<FigureSpec[]> {
  const population = openNetwork(wasmBackend(), config, weights);
  const network = openNetwork(wasmBackend(), config, weightsOfModel(config, weights, 0));
  const all = await measured(population);
  const specs = [
    tokenPositionMaps(all),
    tokenSelectivity(selectivity(all, "token")),
    positionSelectivity(selectivity(all, "position")),
    interaction(all),
    effectSizes(all),
    inputs(all),
    await structuredResponses(network),
    unitPairs(all),
    patterns(all),
    variability(all),
    await scores(network),
    await lens(network),
    await attribution(population),
    await patching(network, "stream"),
    await patching(network, "head"),
    distributions(all),
    singularValues(),
    embeddingCosines(),
    ...(await lookFigures()),
  ];
  population.close();
  network.close();
  return specs;
}

/** Every figure as SVG text, by its name. */
export async function gallerySvgs(specs?: readonly FigureSpec[]): Promise<Map<string, string>> {
  const { document } = parseHTML("<html><body></body></html>");
  return new Map(
    (specs ?? (await galleryFigures())).map((spec) => [spec.name, renderFigure(spec, document)]),
  );
}

if (/\bgallery\.m?[jt]s$/.test(process.argv[1] ?? "")) {
  const folder = process.argv[2] ?? "gallery";
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of await gallerySvgs()) {
    writeFileSync(join(folder, `${name}.svg`), svg);
    console.log(`${join(folder, `${name}.svg`)}: ${Math.ceil(svg.length / 1000)} kB`);
  }
}
