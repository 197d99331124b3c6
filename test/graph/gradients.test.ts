import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { randomStream } from "../../src/base/random.ts";
import type { RunInputs } from "../../src/graph/backend.ts";
import {
  adamUpdate,
  add,
  constant,
  crossEntropy,
  einsum,
  ema,
  emaSquare,
  gather,
  gelu,
  geluGrad,
  input,
  mul,
  normalize,
  normalizeGrad,
  normScale,
  scale,
  softmax,
  softmaxGrad,
  sub,
  sum,
  tanh,
} from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { definitions, type GradientRule, gradientRules } from "../../src/graph/gradients.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import { type ComputedOp, type Node, type Shape, sizeOf } from "../../src/graph/node.ts";
import { magnitude } from "../backends/naive.ts";
import { computedOps, drawOperands, nodeOf, sampleTensors, type Tensor, trials } from "../backends/trials.ts";

const SEED = 30;
const SHAPES = 12;
/** Step of a central difference, relative to the operand: truncation h² and rounding 1e-16/h both stay below 1e-9. */
const STEP = 1e-5;
/** What a third derivative of up to 1e3 (division by 0.25) leaves of h². */
const DIFFERENCE_TOLERANCE = 1e-6;
/** Two float64 formulas of one thing. */
const SAME_TOLERANCE = 1e-12;

const leavesOf = (operands: readonly Tensor[]) =>
  operands.map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));

/** Outputs of a graph in float64, for a population that is given model by model. */
async function evaluate(outputs: Record<string, Node>, models: readonly (readonly Tensor[])[]) {
  const inputs: Record<string, RunInputs[string]> = {};
  models[0].forEach((_, i) => {
    inputs[`x${i}`] = Float64Array.from(models.flatMap((operands) => operands[i].values));
  });
  const session = referenceBackend.open({ models: models.length, states: {} });
  return session.compile(makeGraph({ outputs })).run(inputs);
}

/** Sum of a node's elements with random weights: a scalar that sees every element differently. */
function weighted(node: Node, key: string): Node {
  const stream = randomStream("weights", key, sizeOf(node.shape));
  const weights = Array.from({ length: sizeOf(node.shape) }, () => stream.normal());
  return sum(mul(node, constant(weights, node.shape)));
}

/** Compares the gradient of a scalar in all float operands with central differences, every difference a model. */
async function checkDifferences(
  scalar: Node,
  leaves: readonly Node[],
  operands: readonly Tensor[],
): Promise<void> {
  const floats = operands.flatMap(({ dtype }, i) => (dtype === "float32" ? [i] : []));
  const gradients = gradient(
    scalar,
    floats.map((i) => leaves[i]),
  );
  const moves = floats.flatMap((i) => {
    const step = STEP * Math.min(1, Math.max(...operands[i].values.map(Math.abs)) || 1);
    return operands[i].values.map((_, element) => ({ i, element, step }));
  });
  const moved = ({ i, element, step }: (typeof moves)[number], sign: number) =>
    operands.map((x, at) =>
      at === i ? { ...x, values: x.values.with(element, x.values[element] + sign * step) } : x,
    );
  const population = [operands, ...moves.flatMap((move) => [moved(move, 1), moved(move, -1)])];
  const { s } = await evaluate({ s: scalar }, population);
  const found = await evaluate(Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])), [operands]);
  const flat = gradients.flatMap((_, i) => [...found[`g${i}`]]);
  expect(flat.length).toBe(moves.length);
  flat.forEach((g, k) => {
    const { i, element, step } = moves[k];
    const difference = (s[1 + 2 * k] - s[2 + 2 * k]) / (2 * step);
    const error = Math.abs(g - difference);
    if (!(error <= DIFFERENCE_TOLERANCE * Math.max(1, Math.abs(g))))
      expect.fail(`operand ${i}, element ${element}: gradient ${g}, central difference ${difference}`);
  });
}

type Build = (leaves: readonly Node[]) => Node;

async function checkFirstOrder(build: Build, operands: readonly Tensor[]): Promise<void> {
  const leaves = leavesOf(operands);
  await checkDifferences(weighted(build(leaves), "first"), leaves, operands);
}

/** Differentiates the product of the gradient with a random vector once more. */
async function checkSecondOrder(build: Build, operands: readonly Tensor[]): Promise<void> {
  const leaves = leavesOf(operands);
  const floats = leaves.filter(({ dtype }) => dtype === "float32");
  const first = gradient(weighted(build(leaves), "first"), floats);
  const products = first.map((g, i) => weighted(g, `second ${i}`));
  if (products.length > 0) await checkDifferences(products.reduce(add), leaves, operands);
}

describe("the gradient rule", () => {
  for (const op of computedOps) {
    const checkBoth = async (operands: readonly Tensor[], attrs: never) => {
      const build: Build = (leaves) => nodeOf(op, leaves, attrs);
      await checkFirstOrder(build, operands);
      await checkSecondOrder(build, operands);
    };

    test(`of ${op} agrees with central differences on the samples, once and twice`, async () => {
      for (const { operands, attrs, smooth } of sampleTensors(op))
        if (smooth !== false) await checkBoth(operands, attrs as never);
    });

    test(`of ${op} agrees with central differences on random shapes, once and twice`, async () => {
      await fc.assert(
        fc.asyncProperty(trials(op), async (trial) =>
          checkBoth(drawOperands(trial, 0), trial.attrs as never),
        ),
        { numRuns: SHAPES, seed: SEED },
      );
    });
  }
});

function drawn(key: string, shape: Shape, draw: "normal" | "positive" = "normal"): Tensor {
  const stream = randomStream("drawn", key);
  const values = Array.from({ length: sizeOf(shape) }, () =>
    draw === "normal" ? stream.normal() : 0.25 + stream.uniform(),
  );
  return { shape, dtype: "float32", values };
}

const index = (shape: Shape, ...values: number[]): Tensor => ({ shape, dtype: "int32", values });

describe("gradients through several ops, once and twice", () => {
  const x = drawn("x", [2, 4]);
  const rates = { rate: constant(0.1), correction1: constant(0.5), correction2: constant(0.25), eps: 1e-3 };
  const cases: Record<string, { build: Build; operands: Tensor[] }> = {
    "layer norm, whose scale depends on what it scales": {
      build: ([a]) => normalize(a, normScale(a, 0.01)),
      operands: [x],
    },
    "layer norm with the scale of another tensor": {
      build: ([a]) => normalize(a, normScale(mul(a, a), 0.01)),
      operands: [x],
    },
    attention: {
      build: ([q, k, v]) => {
        const scores = scale(
          einsum("queryPos head dHead, keyPos head dHead -> head queryPos keyPos", q, k),
          0.5,
        );
        const pattern = softmax(scores);
        return einsum("head queryPos keyPos, keyPos head dHead -> queryPos head dHead", pattern, v);
      },
      operands: [drawn("q", [3, 2, 4]), drawn("k", [3, 2, 4]), drawn("v", [3, 2, 4])],
    },
    "a network from tokens to the loss": {
      build: ([embed, hidden, unembed, tokens, targets]) => {
        const residual = gather(embed, tokens);
        const normed = normalize(residual, normScale(residual, 1e-3));
        const h = gelu(einsum("pos dModel, dModel dMlp -> pos dMlp", normed, hidden));
        return crossEntropy(einsum("pos dMlp, dMlp dVocab -> pos dVocab", h, unembed), targets);
      },
      operands: [
        drawn("embed", [4, 3]),
        drawn("hidden", [3, 5]),
        drawn("unembed", [5, 4]),
        index([3], 1, 3, 1),
        index([3], 0, 2, 1),
      ],
    },
    "one node used three times": { build: ([a]) => mul(tanh(a), add(tanh(a), a)), operands: [x] },
    "einsum of a tensor with itself": {
      build: ([a]) => einsum("i k, j k -> i j", a, a),
      operands: [x],
    },
    "softmaxGrad of one tensor twice": { build: ([a]) => softmaxGrad(a, a), operands: [x] },
    "softmaxGrad whose gradient depends on the probabilities": {
      build: ([a]) => {
        const p = softmax(a);
        return softmaxGrad(p, mul(p, p));
      },
      operands: [x],
    },
    "geluGrad of one tensor twice": { build: ([a]) => geluGrad(a, a), operands: [x] },
    "normalizeGrad whose operands depend on each other": {
      build: ([a]) => {
        const s = normScale(a, 0.01);
        const y = normalize(a, s);
        return normalizeGrad(mul(y, s), y, s);
      },
      operands: [x],
    },
    "running means of one tensor with itself": {
      build: ([a]) => add(ema(a, a, 0.9), emaSquare(a, a, 0.9)),
      operands: [x],
    },
    "running means of a tensor and its square": {
      build: ([a]) => emaSquare(mul(a, a), a, 0.75),
      operands: [x],
    },
    "a step of Adam on a tensor that is its own moment": {
      build: ([a]) => adamUpdate(a, a, mul(a, a), rates),
      operands: [drawn("adam", [3], "positive")],
    },
  };
  for (const [title, { build, operands }] of Object.entries(cases))
    test(title, async () => {
      await checkFirstOrder(build, operands);
      await checkSecondOrder(build, operands);
    });
});

/** Expects two nodes to have the same values, within rounding of `size`. */
async function expectSame(
  a: Node,
  b: Node,
  operands: readonly Tensor[],
  sizes?: readonly number[],
): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  const values = await evaluate({ a, b }, [operands]);
  values.a.forEach((value, i) => {
    const allowed = SAME_TOLERANCE * Math.max(Math.abs(value), sizes?.[i] ?? 1);
    expect(Math.abs(value - values.b[i])).toBeLessThanOrEqual(allowed);
  });
}

describe("a fused op equals its definition", () => {
  const defined = computedOps.filter((op) => "definition" in gradientRules[op]);

  test("there are as many as the table of rules says", () => {
    const fused: ComputedOp[] = ["geluGrad", "softmaxGrad", "normScale", "normalizeGrad", "crossEntropyGrad"];
    expect(defined).toEqual([...fused, "ema", "emaSquare", "adamUpdate"]);
  });

  for (const op of defined)
    test(`${op} on samples and random shapes`, async () => {
      const check = async (operands: readonly Tensor[], attrs: never) => {
        const node = nodeOf(op, leavesOf(operands), attrs);
        const how = gradientRules[op] as GradientRule<ComputedOp>;
        if (!("definition" in how)) throw new Error(`${op} has no definition`);
        await expectSame(
          node,
          how.definition(node as never),
          operands,
          magnitude(op, operands, attrs, node.shape),
        );
      };
      for (const { operands, attrs } of sampleTensors(op)) await check(operands, attrs as never);
      await fc.assert(
        fc.asyncProperty(trials(op), async (trial) => check(drawOperands(trial, 0), trial.attrs as never)),
        { numRuns: SHAPES, seed: SEED },
      );
    });

  const rows = fc.tuple(
    fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 0, max: 1e6 }),
  );
  const pairs: Record<string, [fused: (x: Node) => Node, definition: (x: Node) => Node]> = {
    gelu: [gelu, definitions.gelu],
    softmax: [softmax, definitions.softmax],
    normalize: [(x) => normalize(x, normScale(x, 0.01)), (x) => definitions.normalize(x, 0.01)],
  };
  for (const [op, [fused, definition]] of Object.entries(pairs))
    test(`${op} in value and gradient`, async () => {
      await fc.assert(
        fc.asyncProperty(rows, async ([shape, seed]) => {
          const operands = [drawn(`definition ${seed}`, shape)];
          const [x] = leavesOf(operands);
          await expectSame(fused(x), definition(x), operands);
          const gradientOf = (f: (x: Node) => Node) => gradient(weighted(f(x), "definition"), [x])[0];
          await expectSame(gradientOf(fused), gradientOf(definition), operands);
        }),
        { numRuns: SHAPES, seed: SEED },
      );
    });
});

describe("a gradient", () => {
  const operands = [drawn("site", [3, 4])];

  test("is available at sites inside the graph, the scale of a layer norm among them", async () => {
    const [x] = leavesOf(operands);
    const s = normScale(x, 0.01);
    const y = normalize(x, s);
    const h = tanh(y);
    const [inX, inScale, inY] = gradient(weighted(h, "site"), [x, s, y]);
    // the same network with the sites as inputs, where nothing is fused or inside
    const values = await evaluate({ s, y }, [operands]);
    const asInputs: Tensor[] = [
      operands[0],
      { shape: s.shape, dtype: "float32", values: [...values.s] },
      { shape: y.shape, dtype: "float32", values: [...values.y] },
    ];
    const leaves = leavesOf(asInputs);
    const [wantedScale] = gradient(weighted(tanh(normalize(leaves[0], leaves[1])), "site"), [leaves[1]]);
    const [wantedY] = gradient(weighted(tanh(leaves[2]), "site"), [leaves[2]]);
    const [wantedX] = gradient(weighted(tanh(normalize(x, s)), "site"), [x]);
    await expectSame(inScale, wantedScale, asInputs);
    await expectSame(inY, wantedY, asInputs);
    await expectSame(inX, wantedX, asInputs);
  });

  test("of a scalar in itself is 1, in what it does not depend on 0", async () => {
    const [x] = leavesOf(operands);
    const other = input("other", [2]);
    const scalar = sum(x);
    const [own, none] = gradient(scalar, [scalar, other]);
    expect([own.shape, none.shape]).toEqual([[], [2]]);
    const values = await evaluate({ own, none }, [operands]);
    expect([...values.own, ...values.none]).toEqual([1, 0, 0]);
  });

  test("does not pass an index, a comparison or a closed gate", async () => {
    const [x] = leavesOf(operands);
    const masked = nodeOf("gate", [x, constant(-1, [3, 4])], {});
    const stepped = nodeOf("greater", [x, constant(0)], {});
    const [g] = gradient(sum(add(masked, stepped)), [x]);
    expect([...(await evaluate({ g }, [operands])).g]).toEqual(new Array(12).fill(0));
  });

  test("of equal operands of maximum and minimum goes to one of them, and is not doubled", async () => {
    const tie: Tensor[] = [
      { shape: [], dtype: "float32", values: [2] },
      { shape: [], dtype: "float32", values: [2] },
    ];
    const [a, b] = leavesOf(tie);
    for (const op of ["maximum", "minimum"] as const) {
      const [inA, inB] = gradient(nodeOf(op, [a, b], {}), [a, b]);
      const { inA: first, inB: second } = await evaluate({ inA, inB }, [tie]);
      expect(first[0] + second[0]).toBe(1);
    }
  });

  test("of a difference of equal things is exactly 0", async () => {
    const [x] = leavesOf(operands);
    const [g] = gradient(sum(sub(tanh(x), tanh(x))), [x]);
    expect([...(await evaluate({ g }, [operands])).g].every((value) => value === 0)).toBe(true);
  });
});
