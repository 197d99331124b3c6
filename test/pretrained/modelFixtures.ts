/** The models of test/fixtures/pretrained, what transformers computes with them, and a forward pass of ours. */
import { readdirSync, readFileSync } from "node:fs";
import type { Backend, TensorData } from "../../src/graph/backend.ts";
import { input } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { sitesOf } from "../../src/model/hookPoints.ts";
import { forward } from "../../src/model/transformer.ts";
import { weightNodes, weightShapes } from "../../src/model/weights.ts";
import { type ModelFolder, memoryFolder } from "../../src/pretrained/modelFolder.ts";
import type { PretrainedModel } from "../../src/pretrained/pretrainedModel.ts";
import { readSafetensors, type Tensor } from "../../src/record/safetensors.ts";

const root = new URL("../fixtures/pretrained/", import.meta.url);
const models = new URL("models/", root);

export const cases: readonly string[] = readdirSync(models).sort();

/** The files of a case. */
export function filesOf(name: string): Record<string, Uint8Array> {
  const folder = new URL(`${name}/`, models);
  return Object.fromEntries(
    readdirSync(folder).map((file) => [file, new Uint8Array(readFileSync(new URL(file, folder)))]),
  );
}

export function folderOf(name: string): ModelFolder {
  return memoryFolder(name, filesOf(name));
}

/** A case's files with its config.json changed; a field set to undefined is taken out. */
export function withConfig(name: string, changes: Record<string, unknown>): ModelFolder {
  const files = filesOf(name);
  const config = { ...JSON.parse(new TextDecoder().decode(files["config.json"])), ...changes };
  return memoryFolder(name, { ...files, "config.json": new TextEncoder().encode(JSON.stringify(config)) });
}

export interface Expected {
  family: string;
  tokens: number[][];
  segments: number[][];
  sites: ReadonlyMap<string, Tensor>;
}

export function expectedOf(name: string): Expected {
  const bytes = new Uint8Array(readFileSync(new URL(`expected/${name}.safetensors`, root)));
  const { tensors, metadata } = readSafetensors(bytes, { file: name });
  const listed = (key: string) => JSON.parse(metadata.get(key) as string);
  return {
    family: metadata.get("family") as string,
    tokens: listed("tokens"),
    segments: listed("segments"),
    sites: tensors,
  };
}

/** Every site of a model, gated ones included, on a backend. */
export async function runSites(
  backend: Backend,
  { config, weights }: PretrainedModel,
  { tokens, segments }: Pick<Expected, "tokens" | "segments">,
): Promise<Record<string, TensorData>> {
  const shape = [tokens.length, tokens[0].length];
  const hasSegments = (config.dSegments ?? 0) > 0;
  const outputs: Record<string, Node> = {};
  forward(
    config,
    weightNodes(config),
    input("tokens", shape, "int32"),
    (name, node) => {
      outputs[name] = node;
      return node;
    },
    {
      asked: new Set(sitesOf(config).keys()),
      ...(hasSegments && { segments: input("segments", shape, "int32") }),
    },
  );
  const session = backend.open({ models: 1, states: Object.fromEntries(weightShapes(config)) });
  for (const [name, values] of Object.entries(weights)) session.write(name, values);
  const results = await session.compile(makeGraph({ outputs })).run({
    tokens: Int32Array.from(tokens.flat()),
    ...(hasSegments && { segments: Int32Array.from(segments.flat()) }),
  });
  session.close();
  return results;
}

/** Largest |a − b|; ∞ where the lengths differ, where a is NaN, or where one is infinite and the other another number. */
export function worst(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>): number {
  if (actual?.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    const difference = Math.abs(actual[i] - expected[i]);
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return largest;
}
