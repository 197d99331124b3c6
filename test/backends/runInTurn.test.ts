import { expect, test } from "vitest";
import { onnxBackend } from "../../src/backends/onnx/index.ts";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import type { Backend, Call, Session } from "../../src/graph/backend.ts";
import { add, input, mul, state, sum } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";

const MODELS = 6; // a group of four, and one that is not full

/** Two programs whose order matters: total ← total + x · own, and total ← total · total. */
function openPrograms(backend: Backend) {
  const session = backend.open({ models: MODELS, states: { total: [3] } });
  const total = state("total", [3]) as Node<"state">;
  const grown = add(total, mul(input("x", [3]), input("own", [3])));
  const grow = session.compile(
    makeGraph({ outputs: { sum: sum(grown) }, updates: new Map([[total, grown]]) }),
  );
  const square = session.compile(makeGraph({ updates: new Map([[total, mul(total, total)]]) }));
  return { session, grow, square };
}

/** `x` is the same for all models and another in every call; `own` differs from model to model. */
function callsOf({ grow, square }: ReturnType<typeof openPrograms>): Call[] {
  const stream = randomStream("run in turn");
  const inputs = () => ({
    x: Float32Array.from({ length: 3 }, () => stream.normal()),
    own: Float32Array.from({ length: 3 * MODELS }, () => stream.normal()),
  });
  return [
    { program: grow, inputs: inputs() },
    { program: square, inputs: {} },
    { program: grow, inputs: inputs() },
    { program: grow, inputs: inputs() },
  ];
}

const totals = async (session: Session) => Array.from(await session.read("total"));

const onnx = await onnxBackend({ threads: 1 });
const checking = [wasmBackend(), onnx]; // the reference finds out while it runs

for (const backend of [referenceBackend, wasmBackend(), onnx]) {
  test(`${backend.name}: programs run in turn leave the bits of programs run one by one`, async () => {
    const [together, apart] = [openPrograms(backend), openPrograms(backend)];
    const told = await together.session.runInTurn(callsOf(together));
    const single = await inTurn(callsOf(apart), async ({ program, inputs }) => program.run(inputs));
    expect(told).toEqual(single);
    expect(await totals(together.session)).toEqual(await totals(apart.session));
    expect(new Set(await totals(together.session)).size, "models differ").toBeGreaterThan(MODELS);
  });
}

test.each(checking)("$name: where one call is wrong, none has been run", async (backend) => {
  const programs = openPrograms(backend);
  const [first, , third] = callsOf(programs);
  const calls = [first, { ...third, inputs: { x: third.inputs.x } }];
  await expect(async () => programs.session.runInTurn(calls)).rejects.toThrow(/own/);
  expect(await totals(programs.session)).toEqual(new Array(3 * MODELS).fill(0));
});

test.each(checking)("$name: a program of another session is refused", async (backend) => {
  const [one, other] = [openPrograms(backend), openPrograms(backend)];
  await expect(async () => one.session.runInTurn(callsOf(other))).rejects.toThrow(ArgumentError);
});
