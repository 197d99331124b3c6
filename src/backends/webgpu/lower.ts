/** From a graph to steps: what is computed together, which tensors there are, and where new values of states go. */
import { InternalError } from "../../base/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Node, sizeOf } from "../../graph/node.ts";
import { scheduleOf, source } from "../plan/schedule.ts";
import { type Draft, draftSteps, end } from "./drafts.ts";
import { elementOf, isLiteral, type Scope, type Width } from "./expression.ts";
import { type Strided, stridedView } from "./indices.ts";
import { type ProductPlan, planProduct, printProduct } from "./product.ts";
import { partsOfSum, printScatter, printSum, printSumOfParts, scatterItems } from "./reduce.ts";
import { type Finish, isRowCore, printRow, rowLength } from "./rows.ts";
import type { Addressing, Lowered, Step, Tensor } from "./step.ts";
import { makeWriter, type Writer } from "./writer.ts";

/** What a driver asks of the steps. */
export interface LowerOptions {
  /** Work items of one model that a step has at least, where its tiles can be made smaller for it; default 64. */
  parallel?: number;
  /** Tensors that one step may touch; default 8, what every device can bind. */
  maxTensors?: number;
}

/** Lowers a graph to steps that compute its outputs and apply its updates, for one model. */
export function lower(graph: Graph, { parallel = 64, maxTensors = 8 }: LowerOptions = {}): Lowered {
  const schedule = scheduleOf(graph);
  const { drafts, hasMemory } = draftSteps(schedule, maxTensors);
  const tensors = new Map<Node, Tensor>();
  const named = { input: new Map<string, Tensor>(), state: new Map<string, Tensor>() };
  for (const [name, { dtype, shape }] of graph.inputs)
    named.input.set(name, { kind: "input", name, dtype, size: sizeOf(shape) });
  for (const [name, { dtype, shape }] of graph.states)
    named.state.set(name, { kind: "state", name, dtype, size: sizeOf(shape) });
  const scratch = (node: Node): Tensor => ({
    ...{ kind: "scratch", name: "", dtype: node.dtype, size: sizeOf(node.shape) },
  });
  const tensorOf = (node: Node): Tensor | undefined => {
    if (!hasMemory(node)) return undefined;
    let tensor = tensors.get(node);
    if (tensor === undefined) {
      if (node.op === "input" || node.op === "state") tensor = named[node.op].get(node.attrs.name) as Tensor;
      else if (node.op === "constant") tensor = constantOf(node);
      else tensor = scratch(node);
      tensors.set(node, tensor);
    }
    return tensor;
  };

  const inPlace = statesInPlace(graph, drafts, hasMemory);
  for (const [node, name] of inPlace) tensors.set(node, named.state.get(name) as Tensor);
  const steps = drafts.flatMap((draft) => stepsOf(draft, tensorOf, parallel));

  /** A step that copies a leaf or a computed node. */
  const copy = (node: Node, to: Tensor): Step => {
    const from = source(node);
    return elementwiseStep("copy", to.size, to.dtype, (scope, index, width) =>
      storing(scope, to, index, width, elementOf({ ...scope, tensorOf }, from, index, width)),
    );
  };
  const copied = new Map<Node, Tensor>();
  const outputs = new Map<string, { tensor: Tensor; shape: readonly number[] }>();
  for (const [name, node] of graph.outputs) {
    const root = source(node);
    let tensor = copied.get(root) ?? tensorOf(root);
    if (tensor === undefined || tensor.kind !== "scratch") {
      tensor = scratch(root);
      copied.set(root, tensor);
      steps.push(copy(root, tensor));
    }
    outputs.set(name, { tensor, shape: node.shape });
  }
  // all new values exist before the first of them replaces an old one that another may be
  const late: Step[] = [];
  for (const [name, value] of graph.updates) {
    const root = source(value);
    if (inPlace.get(root) === name) continue;
    const target = named.state.get(name) as Tensor;
    if (root.op === "state" && graph.updates.has(root.attrs.name) && root.attrs.name !== name) {
      const staged = scratch(root);
      steps.push(copy(root, staged));
      late.push(copyTensor(staged, target));
    } else if (!(root.op === "state" && root.attrs.name === name)) late.push(copy(root, target));
  }
  const constants = [...new Set(tensors.values())].filter(({ kind }) => kind === "constant");
  return { inputs: named.input, states: named.state, constants, outputs, steps: [...steps, ...late] };
}

function constantOf(node: Node<"constant">): Tensor {
  const { values } = node.attrs;
  return { kind: "constant", name: "", dtype: node.dtype, size: sizeOf(node.shape), values };
}

/**
 * New values of states that a step may write over the old ones, by the node that is computed there: nobody reads the old
 * value afterwards, and the step itself reads each element only to compute that element.
 */
function statesInPlace(
  graph: Graph,
  drafts: readonly Draft[],
  hasMemory: (node: Node) => boolean,
): Map<Node, string> {
  const place = new Map(drafts.flatMap((draft, i) => draft.nodes.map((node) => [node, i])));
  const readAtEnd = new Set([...graph.outputs.values(), ...graph.updates.values()].map(source));
  const outputs = new Set([...graph.outputs.values()].map(source));
  const inPlace = new Map<Node, string>();
  /** Whether a draft reads a state, and if so, only each element for itself. */
  const reads = ({ core, nodes }: Draft, name: string): "not" | "aligned" | "freely" => {
    let found: "not" | "aligned" | "freely" = "not";
    const seen = new Set<Node>();
    const visit = (x: Node, aligned: boolean) => {
      if (x.op === "state" && x.attrs.name === name) {
        if (!aligned || found === "freely") found = "freely";
        else found = "aligned";
        return;
      }
      if (hasMemory(x) && !nodes.includes(x)) return;
      if (aligned && seen.has(x)) return;
      if (aligned) seen.add(x);
      const whole = aligned && x !== core && isAlignedOp(x);
      for (const operand of x.inputs)
        visit(source(operand), whole && sizeOf(operand.shape) === sizeOf(x.shape));
    };
    for (const node of nodes) visit(node, true);
    return found;
  };
  for (const [name, value] of graph.updates) {
    const root = source(value);
    const at = place.get(root);
    if (at === undefined || inPlace.has(root) || outputs.has(root)) continue;
    if ([...readAtEnd].some((node) => node.op === "state" && node.attrs.name === name)) continue;
    const isRead = drafts.some((draft, i) => {
      if (i < at) return false;
      const how = reads(draft, name);
      return i === at ? how === "freely" : how !== "not";
    });
    if (!isRead) inPlace.set(root, name);
  }
  return inPlace;
}

const MOVES = new Set(["transpose", "slice", "concat", "gather", "oneHot", "broadcast"]);
const isAlignedOp = (node: Node) => !MOVES.has(node.op);

/** Whatever brings a node's tensor, if it has one. */
type TensorOf = (node: Node) => Tensor | undefined;

/** The step of a draft; a sum of much into little takes two. */
function stepsOf(draft: Draft, tensorOf: TensorOf, parallel: number): Step[] {
  const { core, nodes } = draft;
  const what = [...new Set([...(core === undefined ? [] : [core]), ...nodes])].map(({ op }) => op).join(" ");
  const last = end(draft);
  if (core === undefined)
    return [
      elementwiseStep(what, sizeOf(last.shape), last.dtype, (scope, index, width) =>
        finisher(draft, { ...scope, tensorOf })(index, width),
      ),
    ];
  const step = (items: number, body: (scope: Scope, finish: Finish) => void): Step =>
    makeStep(what, items, (writer) => {
      const scope: Scope = { writer, tensorOf, registers: new Map() };
      body(scope, finisher(draft, scope));
    });
  if (core.op === "einsum") {
    const plan = productOf(core, tensorOf, parallel);
    return [step(plan.items, (scope, finish) => printProduct(scope, plan, finish))];
  }
  if (core.op === "scatterAdd")
    return [step(scatterItems(core), (scope, finish) => printScatter(scope, core, finish))];
  if (core.op === "sum") {
    const cut = partsOfSum(core, parallel);
    if (cut.parts === 1) return [step(cut.items, (scope, finish) => printSum(scope, core, cut, finish))];
    const size = cut.parts * sizeOf(core.shape);
    const partial: Tensor = { kind: "scratch", name: "", dtype: "float32", size };
    return [
      makeStep("sum of parts", cut.items * cut.parts, (writer) => {
        const keep: Finish = (index, width, value) => storing({ writer }, partial, index, width, value);
        printSum({ writer, tensorOf, registers: new Map() }, core, cut, keep);
      }),
      step(cut.items, (scope, finish) => printSumOfParts(scope, partial, cut, finish)),
    ];
  }
  return [rowStep(draft, core, tensorOf, step)];
}

/** The step of an op that works along rows. */
function rowStep(
  { scale }: Draft,
  core: Node,
  tensorOf: TensorOf,
  step: (items: number, body: (scope: Scope, finish: Finish) => void) => Step,
): Step {
  if (!isRowCore(core))
    throw new InternalError({ where: `webgpu ${core.op}`, rule: "has no kernel", got: "a step of it" });
  const whole = core.op === "normScale" || core.op === "crossEntropy" ? core.inputs[0] : core;
  return step(sizeOf(whole.shape) / rowLength(core), (scope, finish) => {
    const keepScale = (value: string) => {
      const tensor = scale && tensorOf(scale);
      if (tensor !== undefined) scope.writer.line(scope.writer.at.store(tensor, "item", value));
    };
    printRow(scope, core, finish, scale === undefined ? undefined : keepScale);
  });
}

/** Computes and stores the nodes of a draft at one index, from the core's value on. */
function finisher({ core, nodes }: Draft, outer: Scope) {
  const { tensorOf } = outer;
  return (index: string, width: Width, value?: string): void => {
    const registers = new Map<Node, string>();
    const scope = { ...outer, registers, own: { index, width } };
    if (core !== undefined && value !== undefined) registers.set(core, outer.writer.let(value));
    for (const node of nodes) {
      const computing = { ...scope, tensorOf: except(tensorOf, node) };
      const known = registers.get(node) ?? elementOf(computing, node, index, width);
      registers.set(node, known);
      const tensor = tensorOf(node);
      if (tensor !== undefined) storing(scope, tensor, index, width, known);
    }
  };
}

function productOf(core: Node<"einsum">, tensorOf: TensorOf, parallel: number): ProductPlan {
  const hasMemory = (node: Node) => tensorOf(node) !== undefined || isLiteral(node);
  const view = (operand: Node): Strided => {
    const found = stridedView(operand, hasMemory);
    if (found === undefined)
      throw new InternalError({ where: "webgpu einsum", rule: "reads what has memory", got: operand.op });
    // a number that fills its shape is at no index
    return isLiteral(found.base) ? { ...found, strides: found.strides.map(() => 0), start: 0 } : found;
  };
  const sizeInFours = (base: Node) => sizeOf(base.shape) % 4 === 0 && !isLiteral(base);
  return planProduct(core, view, { sizeInFours, parallel });
}

/** A step over the elements of a shape, four at a time where they come in fours. */
function elementwiseStep(
  what: string,
  size: number,
  dtype: Node["dtype"],
  body: (scope: Omit<Scope, "tensorOf">, index: string, width: Width) => void,
): Step {
  const width: Width = dtype === "float32" && size % 4 === 0 ? 4 : 1;
  return makeStep(what, size / width, (writer) => body({ writer, registers: new Map() }, "item", width));
}

function copyTensor(from: Tensor, to: Tensor): Step {
  return makeStep("copy", to.size, (writer) =>
    writer.line(writer.at.store(to, "item", writer.at.load(from, "item"))),
  );
}

function storing(
  { writer }: { writer: Writer },
  tensor: Tensor,
  index: string,
  width: Width,
  value: string,
): void {
  writer.line(width === 4 ? writer.at.store4(tensor, index, value) : writer.at.store(tensor, index, value));
}

/** Where nodes lie, but for one that is being computed. */
function except(tensorOf: TensorOf, computed: Node) {
  return (node: Node) => (node === computed ? undefined : tensorOf(node));
}

/** A step, with the tensors that its text turns out to touch. */
function makeStep(what: string, items: number, body: (writer: Writer) => void): Step {
  const print = (at: Addressing) => {
    const writer = makeWriter(at);
    body(writer);
    return writer.text();
  };
  const [reads, writes] = [new Set<Tensor>(), new Set<Tensor>()];
  const reading = (tensor: Tensor, index: string) => {
    reads.add(tensor);
    return `load(${index})`;
  };
  const writing = (tensor: Tensor, index: string, value: string) => {
    writes.add(tensor);
    return `store(${index}, ${value});`;
  };
  print({ load: reading, load4: reading, store: writing, store4: writing });
  return { what, items, reads: [...reads], writes: [...writes], print };
}
