import { expect, test } from "vitest";
import { unitName, unitNamed, unitSites } from "../../src/features/unitSites.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";

const shown = (config: ModelConfig) => unitSites(config).map(({ kind, site, units }) => [kind, site, units]);

test("units are what the architecture has, in firing order", () => {
  expect(shown({ ...presets.original, nLayers: 1 })).toEqual([
    ["head", "blocks.0.attn.hook_z", 16],
    ["neuron", "blocks.0.mlp.hook_post", 64],
    ["residual", "blocks.0.hook_resid_post", 16],
  ]);
  expect(shown({ ...presets.gpt, nLayers: 1, attnOnly: true }).map(([kind]) => kind)).toEqual([
    "head",
    "residual",
  ]);
  expect(shown({ ...presets.gpt, nLayers: 1, mlpOnly: true }).map(([kind]) => kind)).toEqual([
    "neuron",
    "residual",
  ]);
  expect(shown({ ...presets.gpt, nLayers: 0 })).toEqual([]);
});

test("every name leads back to its unit", () => {
  const config = presets.original;
  const names = unitSites(config).flatMap((site) =>
    Array.from({ length: site.units }, (_, unit) => {
      const name = unitName(site, unit);
      expect(unitNamed(config, name)).toEqual({ site, unit });
      return name;
    }),
  );
  expect(new Set(names).size).toBe(2 * (16 + 64 + 16));
  expect(names).toEqual(expect.arrayContaining(["L0N63", "L1R15", "L1H1D7"]));
});

test("a name of nothing is refused with the names there are", () => {
  const config = presets.original;
  for (const name of ["L0N64", "L2N0", "L0H2D0", "L0H0D8", "L0H0", "N3", "L0R-1"])
    expect(() => unitNamed(config, name)).toThrow(/L0H0D0 to L0H1D7, L0N0 to L0N63/);
  expect(() => unitNamed({ ...config, mlpOnly: true }, "L0H0D0")).toThrow(/no such units/);
});
