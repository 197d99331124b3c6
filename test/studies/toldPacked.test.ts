/** What studies tell is plain data that a file holds to the bit: nothing of it may be lost between two processes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { packValue, unpackValue } from "../../src/record/packed.ts";
import { parseFixture } from "../../src/studies/fidelity/fixture.ts";
import { registeredStudies } from "../../src/studies/registry.ts";
import { hashOf } from "../record/bitsOf.ts";

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
const material = {
  recorded: [parseFixture("seed-42.json", JSON.parse(fixture("original/seed-42.json")))],
  text: fixture("text/kingJames.txt").slice(0, 24_000),
};

const studies = registeredStudies(material).map(({ study }) => [study.plan.name, study] as const);

test.each(studies)("what an arm of %s tells comes back from a file with every bit", async (_, study) => {
  const arms = study.arms({ seeds: [0], quick: true });
  const [cheapest] = arms.toSorted((a, b) => (a.cost ?? 1) - (b.cost ?? 1));
  const context = { backend: wasmBackend(), progress: () => {} };
  const told = await study.measure(cheapest, cheapest.seeds.slice(0, 1), context);
  expect(told).toHaveLength(1);
  expect(hashOf(unpackValue(packValue({ told }), "told").value)).toBe(hashOf({ told }));
});
