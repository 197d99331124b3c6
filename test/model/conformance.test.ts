import { expect, test } from "vitest";
import { constant, input, reshape } from "../../src/graph/build.ts";
import { type ModelConfig, presets, validateConfig } from "../../src/model/config.ts";
import { hookPoints, sitesOf } from "../../src/model/hookPoints.ts";
import { forward } from "../../src/model/transformer.ts";
import type { SiteVisitor } from "../../src/model/visitor.ts";
import { parameterCount, weightNodes } from "../../src/model/weights.ts";
import { configGrid } from "./configs.ts";

const BATCH = 3;
const POS = 2;

function fired(config: ModelConfig, asked: ReadonlySet<string>): [string, readonly number[]][] {
  const order: [string, readonly number[]][] = [];
  const at: SiteVisitor = (name, node) => {
    order.push([name, node.shape]);
    return node;
  };
  forward(config, weightNodes(config), input("tokens", [BATCH, POS], "int32"), at, { asked });
  return order;
}

test("every site of the table fires exactly once, in its order and with its shape, in every architecture", () => {
  const grid = configGrid();
  expect(grid.length).toBeGreaterThan(150);
  for (const config of grid) {
    validateConfig(config);
    const sites = [...sitesOf(config).values()];
    const declared = sites.map((site) => [site.name, site.shape(BATCH, POS)]);
    expect(fired(config, new Set(sites.map((site) => site.name)))).toEqual(declared);
  }
});

test("a gated site fires only where it is asked for", () => {
  for (const config of configGrid()) {
    const open = [...sitesOf(config).values()].filter((site) => !site.gated).map((site) => site.name);
    expect(fired(config, new Set()).map(([name]) => name)).toEqual(open);
  }
});

test("every row of the table exists in some architecture", () => {
  const found = new Set<string>();
  for (const config of configGrid())
    for (const name of sitesOf(config).keys()) found.add(name.replace(/^blocks\.\d+/, "blocks.{l}"));
  expect([...found].sort()).toEqual(hookPoints.map((point) => point.name).sort());
});

test("a replacement of another shape is refused with the site's name", () => {
  const config = presets.causal;
  const tokens = input("tokens", [BATCH, POS], "int32");
  const at: SiteVisitor = (name, node) =>
    name === "blocks.1.hook_mlp_out" ? reshape(node, [BATCH * POS, 16]) : node;
  expect(() => forward(config, weightNodes(config), tokens, at)).toThrow(
    'hook "blocks.1.hook_mlp_out": a replacement must keep the shape [3 2 16]; got reshape [6 16].',
  );
});

test("an asked site that the model has not, a missing weight and a wrong input are refused", () => {
  const config = presets.causal;
  const nodes = weightNodes(config);
  const tokens = input("tokens", [BATCH, POS], "int32");
  expect(() =>
    forward(config, nodes, tokens, undefined, { asked: new Set(["blocks.9.attn.hook_z"]) }),
  ).toThrow('hook "blocks.9.attn.hook_z": no such site');
  const { "blocks.0.mlp.W_in": left, ...others } = nodes;
  expect(() => forward(config, others, tokens)).toThrow('weight "blocks.0.mlp.W_in"');
  expect(() => forward(config, { ...others, "blocks.0.mlp.W_in": constant(0, [3]) }, tokens)).toThrow(
    'weight "blocks.0.mlp.W_in": must have shape [16 64]; got [3].',
  );
  expect(left.shape).toEqual([16, 64]);
  expect(() => forward(config, nodes, input("tokens", [BATCH, 9], "int32"))).toThrow("at most nCtx = 8 long");
  expect(() => forward(config, nodes, input("tokens", [BATCH, POS]))).toThrow("must be int32 [batch pos]");
});

test("the original network has the 7018 parameters of the original study", () => {
  expect(parameterCount(presets.original)).toBe(7018);
  expect(parameterCount(presets.causal)).toBe(7018);
  expect(parameterCount(presets["original-minigpt"])).toBe(7018 - 2 * 4 * (16 * 16 + 16));
  expect(parameterCount(presets.gpt)).toBe(7018 + 2 * 16);
});
