import fc from "fast-check";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import type { Backend, RunInputs, TensorData } from "../../src/graph/backend.ts";
import { constant, input, mul, sum } from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { gradientRules } from "../../src/graph/gradients.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import { type ComputedOp, type Node, sizeOf } from "../../src/graph/node.ts";
import { magnitude } from "../../test/backends/naive.ts";
import { computedOps, drawOperands, nodeOf, type Tensor, trials } from "../../test/backends/trials.ts";
import type { Check, Form } from "../check.ts";

/** Shapes drawn for each op, and models each is computed for. */
const shapes: Readonly<Record<Form, number>> = { short: 12, long: 400 };
const models = 5;

/** Unit roundoff of float32. */
const unit = 2 ** -24;
/** Results that underflow. */
const absolute = 1e-37;
/**
 * Most roundings of a result, each relative to the largest that may cancel in it. What only moves numbers makes none, an
 * operation of one step one, a sum of n terms n; the polynomials of exp, log, tanh and erf are within a few.
 */
const exact: ReadonlySet<string> = new Set([
  ...[
    "reshape",
    "transpose",
    "broadcast",
    "slice",
    "concat",
    "maximum",
    "minimum",
    "greater",
    "select",
    "gate",
    "relu",
  ],
  ...["gather", "oneHot"],
]);
const oneStep: ReadonlySet<string> = new Set(["add", "sub", "mul", "div", "scale", "offset", "sqrt"]);
function bound(op: ComputedOp): number {
  if (exact.has(op)) return 0;
  return (oneStep.has(op) ? 1.01 : 16) * unit;
}

async function run(
  backend: Backend,
  node: Node,
  leaves: readonly Node[],
  operands: readonly (readonly Tensor[])[],
) {
  const inputs: Record<string, RunInputs[string]> = {};
  leaves.forEach(({ dtype }, i) => {
    const all = operands.flatMap((of) => of[i].values);
    inputs[`x${i}`] = dtype === "int32" ? Int32Array.from(all) : Float64Array.from(all);
  });
  const session = backend.open({ models: operands.length, states: {} });
  const { out } = await session.compile(makeGraph({ outputs: { out: node } })).run(inputs);
  session.close();
  return out;
}

const leavesOf = (operands: readonly Tensor[]) =>
  operands.map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));

/** How many units of roundoff a kernel is away from float64 at its worst, and where it is beyond its bound. */
async function kernelError(
  op: ComputedOp,
  layout: "lanes" | "single",
  form: Form,
  seed: number,
  isCoarse: boolean,
) {
  let [worst, numbers] = [0, 0];
  const failures: string[] = [];
  for (const trial of fc.sample(trials(op), { seed, numRuns: shapes[form] })) {
    const operands = Array.from({ length: models }, (_, model) => drawOperands(trial, model));
    const leaves = leavesOf(operands[0]);
    const node = nodeOf(op, leaves, trial.attrs);
    const got = await run(wasmBackend({ layout }), node, leaves, operands);
    const want = await run(referenceBackend, node, leaves, operands);
    const size = sizeOf(node.shape);
    operands.forEach((of, model) => {
      const scale = magnitude(op, of, trial.attrs, node.shape);
      for (let i = 0; i < size; i++) {
        numbers++;
        const at = model * size + i;
        // the test of the test: a kernel that keeps sixteen bits of its result
        const found = isCoarse ? coarse(got[at]) : got[at];
        if (found === want[at] || (Number.isNaN(found) && Number.isNaN(want[at]))) continue;
        // what float64 keeps of a result is rounded once more in float32
        const error = Math.abs(found - Math.fround(want[at]));
        if (scale[i] > 0) worst = Math.max(worst, Math.max(0, error - absolute) / (scale[i] * unit));
        if (!(error <= absolute + bound(op) * scale[i]))
          failures.push(
            `${op} (${layout}) of shapes ${of.map(({ shape }) => `[${shape}]`).join(" ")}: ${found}, and in float64 ${want[at]}`,
          );
      }
    });
  }
  return { worst, numbers, failures: failures.slice(0, 3) };
}

function coarse(value: number): number {
  const floats = Float32Array.of(value);
  const bits = new Uint32Array(floats.buffer);
  bits[0] &= 0xffff0000;
  return floats[0];
}

/** Step of a central difference: h² and 1e-16/h both stay below 1e-9; and what a third derivative of a thousand leaves. */
const [step, differenceTolerance] = [1e-5, 1e-6];

/** Gradients of a weighted sum of an op's results against central differences, in float64. */
async function gradientError(op: ComputedOp, form: Form, seed: number) {
  const failures: string[] = [];
  let [worst, numbers] = [0, 0];
  for (const trial of fc.sample(trials(op), { seed, numRuns: shapes[form] / 4 })) {
    const operands = drawOperands(trial, 0);
    const leaves = leavesOf(operands);
    const node = nodeOf(op, leaves, trial.attrs);
    const stream = randomStream("gradient check", seed, op, sizeOf(node.shape));
    const weights = Array.from({ length: sizeOf(node.shape) }, () => stream.normal());
    const scalar = sum(mul(node, constant(weights, node.shape)));
    const floats = operands.flatMap(({ dtype }, i) => (dtype === "float32" ? [i] : []));
    const gradients = gradient(
      scalar,
      floats.map((i) => leaves[i]),
    );
    for (const [k, i] of floats.entries()) {
      const found = await run(referenceBackend, gradients[k], leaves, [operands]);
      const moved = operands[i].values.flatMap((_, element) =>
        [1, -1].map((sign) =>
          operands.map((x, other) =>
            other === i
              ? { ...x, values: x.values.map((value, at) => (at === element ? value + sign * step : value)) }
              : x,
          ),
        ),
      );
      if (moved.length === 0) continue;
      const values = await run(referenceBackend, scalar, leaves, moved);
      const largest = Math.max(1, ...Array.from(found as TensorData, Math.abs));
      operands[i].values.forEach((_, element) => {
        numbers++;
        const difference = (values[2 * element] - values[2 * element + 1]) / (2 * step);
        const error = Math.abs(found[element] - difference) / largest;
        worst = Math.max(worst, error);
        if (!(error <= differenceTolerance))
          failures.push(
            `gradient of ${op} in operand ${i}: ${found[element]}, and by differences ${difference}`,
          );
      });
    }
  }
  return { worst, numbers, failures: failures.slice(0, 3) };
}

/** Ops with corners, where a difference across one is no derivative. */
const cornered: ReadonlySet<string> = new Set(["maximum", "minimum", "greater", "select", "gate", "relu"]);

/** G4: float32 against float64. */
export const floatBounds: Check = {
  id: "G4",
  promise:
    "Every kernel is within its bound of float64: exact where it only moves numbers, one rounding where it takes one step, 16 elsewhere; and every gradient within 1e-6 of central differences.",
  weakenings: ["float32-digits"],
  async run(form, { seed, say, without }) {
    const failures: string[] = [];
    let [numbers, worst, differences, worstGradient] = [0, 0, 0, 0];
    for (const op of computedOps)
      for (const layout of ["lanes", "single"] as const) {
        const error = await kernelError(op, layout, form, seed, without !== undefined);
        failures.push(...error.failures);
        numbers += error.numbers;
        worst = Math.max(worst, error.worst);
      }
    say(`${numbers} numbers of ${computedOps.length} kernels`);
    const smooth = computedOps.filter((op) => gradientRules[op] !== undefined && !cornered.has(op));
    for (const op of smooth) {
      const error = await gradientError(op, form, seed);
      failures.push(...error.failures);
      differences += error.numbers;
      worstGradient = Math.max(worstGradient, error.worst);
    }
    return {
      figure: `${numbers} numbers of ${computedOps.length} kernels within their bounds, the worst ${worst.toFixed(1)} roundings off; ${differences} gradients of ${smooth.length} ops, the worst ${worstGradient.toExponential(1)} off`,
      count: numbers + differences,
      coverage: {
        kernels: computedOps.length,
        numbers,
        gradients: differences,
        "ops with gradients": smooth.length,
      },
      failures,
    };
  },
};
