/** A population in ONNX Runtime: states are its tensors, and a run puts the new ones in the place of the old. */
import { integerIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { Call, Program, RunInputs, Session, SessionOptions, TensorData } from "../../graph/backend.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Node, type Shape, sizeOf } from "../../graph/node.ts";
import { checkedInput, checkIndices, checkStates, checkWrite, heldState, indexLimits } from "../checks.ts";
import { graphToOnnx, onnxNames } from "./graphToOnnx.ts";
import type { OnnxRuntime, OnnxSession, OnnxTensor } from "./runtime.ts";

/** A state: [model, ...shape]. */
interface Held {
  readonly shape: Shape;
  tensor: OnnxTensor;
}

/** Errors alone: what the runtime warns of concerns its own optimiser. */
const ERROR = 3;

const floatsOf = (tensor: OnnxTensor) => tensor.data as Float32Array;

/** Opens a session on a loaded runtime. */
export function openSession(
  runtime: OnnxRuntime,
  threads: number | undefined,
  { models, states, clock = () => 0 }: SessionOptions,
): Session {
  integerIn("population", models, 1);
  const zeros = (shape: Shape) =>
    new runtime.Tensor("float32", new Float32Array(models * sizeOf(shape)), [models, ...shape]);
  const held = new Map<string, Held>(
    Object.entries(states).map(([name, shape]) => [name, { shape, tensor: zeros(shape) }]),
  );
  const programs = new Map<Graph, Program>();
  const begin = new WeakMap<Program, (inputs: RunInputs) => () => Promise<Record<string, TensorData>>>();
  const loaded: Promise<OnnxSession>[] = [];
  let milliseconds = 0;
  let modelBytes = 0;
  let isRunning = false;

  const load = (graph: Graph): Promise<OnnxSession> => {
    const bytes = graphToOnnx(graph, models);
    modelBytes += bytes.length;
    const options = {
      logSeverityLevel: ERROR,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    } as const;
    const session = runtime.InferenceSession.create(bytes, options);
    loaded.push(session);
    return session;
  };

  /** Checks what a run is given; what it returns does the run. */
  const beginner = (graph: Graph) => {
    let session: Promise<OnnxSession> | undefined;
    const limits = indexLimits(graph);
    const read = graph.order.filter((node) => node.op === "state");
    const untouched = [...graph.updates.keys()].map((name) => [onnxNames.update(name), null] as const);
    /** Tensors for the outputs; what the runtime makes for itself it copies, and logits are large. */
    const room = () =>
      Object.fromEntries([
        ...[...graph.outputs].map(([name, { shape }]) => [onnxNames.output(name), zeros(shape)] as const),
        ...untouched,
      ]);
    return (inputs: RunInputs) => {
      const given = [...graph.inputs].map(([name, node]): [string, OnnxTensor] => {
        const values = checkedInput(node, inputs, models);
        checkIndices(name, values, limits.get(name));
        return [onnxNames.input(name), inputTensor(runtime, node, values, models)];
      });
      return async () => {
        session ??= load(graph);
        const ready = await session;
        const feeds = Object.fromEntries([
          ...given,
          ...read.map(({ attrs: { name } }) => [onnxNames.state(name), heldState(held, name).tensor]),
        ]);
        const start = clock();
        const results = runtime.fillsOutputs ? await ready.run(feeds, room()) : await ready.run(feeds);
        milliseconds += clock() - start;
        // only now, when everything was computed from the old ones
        for (const name of graph.updates.keys())
          heldState(held, name).tensor = results[onnxNames.update(name)];
        return Object.fromEntries(
          [...graph.outputs.keys()].map((name) => [name, floatsOf(results[onnxNames.output(name)])]),
        );
      };
    };
  };

  /** Checks all calls, then runs one after the other. */
  const runInTurn = async (calls: readonly Call[]): Promise<Record<string, TensorData>[]> => {
    const begun = calls.map(({ program, inputs }) => {
      const check = begin.get(program);
      if (check !== undefined) return check(inputs);
      throw new ArgumentError({ where: "onnx session", rule: "can only run programs that it compiled" });
    });
    if (isRunning)
      throw new ArgumentError({
        where: "onnx session",
        rule: "one run at a time",
        wayOut: "Await each run of a session before the next.",
      });
    isRunning = true;
    try {
      const results: Record<string, TensorData>[] = [];
      for (const run of begun) results.push(await run());
      return results;
    } finally {
      isRunning = false;
    }
  };

  return {
    models,
    compile(graph) {
      checkStates(graph, held);
      const known = programs.get(graph);
      if (known !== undefined) return known;
      const program: Program = { run: async (inputs) => (await runInTurn([{ program, inputs }]))[0] };
      begin.set(program, beginner(graph));
      programs.set(graph, program);
      return program;
    },
    runInTurn,
    write(name, values) {
      const { shape, tensor } = heldState(held, name);
      checkWrite(name, values.length, models, shape);
      floatsOf(tensor).set(values);
    },
    async read(name) {
      return floatsOf(heldState(held, name).tensor).slice();
    },
    kernelMilliseconds: () => milliseconds,
    // what the runtime takes for itself while it runs it does not tell
    memoryBytes: () =>
      [...held.values()].reduce((bytes, { tensor }) => bytes + floatsOf(tensor).byteLength, modelBytes),
    close() {
      held.clear();
      programs.clear();
      // the runtime's memory is not the collector's to free
      for (const session of loaded.splice(0)) session.then((ready) => ready.release()).catch(() => {});
    },
  };
}

/** Values as a tensor of every model; those that all models share are repeated. */
function inputTensor(
  runtime: OnnxRuntime,
  { dtype, shape }: Node<"input">,
  values: RunInputs[string],
  models: number,
): OnnxTensor {
  const kind = dtype === "int32" ? Int32Array : Float32Array;
  const count = models * sizeOf(shape);
  const sizes = [models, ...shape];
  if (values.length === count)
    return new runtime.Tensor(dtype, values instanceof kind ? values : kind.from(values), sizes);
  const all = new kind(count);
  for (let start = 0; start < count; start += values.length) all.set(values, start);
  return new runtime.Tensor(dtype, all, sizes);
}
