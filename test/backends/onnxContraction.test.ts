/** How contractions become matrix products: what must be moved for it. That the products are right, the suite tests. */
import { expect, test } from "vitest";
import { type Axis, planContraction } from "../../src/backends/onnx/contraction.ts";

const SIZES: Readonly<Record<string, number>> = {
  ...{ model: 8, batch: 16, pos: 32, queryPos: 32, keyPos: 32, head: 12, dHead: 64, dModel: 768, dMlp: 3072 },
};
const axes = (list: string, models = 8): Axis[] =>
  list
    .split(" ")
    .map((label) => ({ label, size: label === "model" ? models : SIZES[label] }))
    .filter(({ size }) => size > 0);
const plan = (spec: string, models?: number) => {
  const [a, b, out] = spec.split(/, | -> /).map((list) => axes(list, models));
  return planContraction(a, b, out);
};
const sizeOf = (list: string, models?: number) =>
  axes(list, models).reduce((size, axis) => size * axis.size, 1);

test("the products of an MLP and all their gradients move nothing", () => {
  for (const spec of [
    "model batch pos dModel, model dModel dMlp -> model batch pos dMlp",
    "model batch pos dMlp, model dModel dMlp -> model batch pos dModel",
    "model batch pos dModel, model batch pos dMlp -> model dModel dMlp",
  ]) {
    const { cost, batch, rows, inner, columns } = plan(spec);
    expect(cost, spec).toBe(0);
    expect(batch).toBe(8);
    expect(rows * inner * columns).toBe(16 * 32 * 768 * 3072);
  }
});

test("a projection into heads moves its weights, not the activations, where there are more of those", () => {
  const spec = "model batch pos dModel, model head dModel dHead -> model batch pos head dHead";
  expect(plan(spec).cost).toBe(sizeOf("model head dModel dHead"));
});

test("a projection out of the heads moves nothing", () => {
  expect(plan("model batch pos head dHead, model head dHead dModel -> model batch pos dModel").cost).toBe(0);
});

test("attention multiplies a matrix for every model, row and head", () => {
  const scores = plan(
    "model batch queryPos head dHead, model batch keyPos head dHead -> model batch head queryPos keyPos",
  );
  expect(scores).toMatchObject({ batch: 8 * 16 * 12, rows: 32, inner: 64, columns: 32 });
});

test("one model alone is one plain matrix product", () => {
  const spec = "model batch pos dModel, model dModel dMlp -> model batch pos dMlp";
  expect(plan(spec, 1)).toMatchObject({ cost: 0, batch: 1, rows: 16 * 32, inner: 768, columns: 3072 });
});

test("weights that all models share are not repeated: the models are rows like any other", () => {
  const { cost, batch, rows } = plan("model batch pos dModel, dModel dMlp -> model batch pos dMlp");
  expect([cost, batch, rows]).toEqual([0, 1, 8 * 16 * 32]);
});
