/** The WGSL of a whole training graph: a workgroup takes model after model through all steps of all runs. */
import { helpersFor } from "../helpers.ts";
import type { Addressing, Lowered, Step, Tensor } from "../step.ts";
import type { Layout, StatePlace, TensorPlace } from "./layout.ts";

/** What a kernel binds, in the order of its bindings; the first and the last are uniform, the others storage. */
export const bindings = [
  "numbers",
  "stateFours",
  "states",
  "scratchFours",
  "scratch",
  "inputs",
  "constants",
  "outputs",
  "program",
] as const;
export type Binding = (typeof bindings)[number];

/** The module, what it is told to do, and those of {@link bindings} that it has. */
export interface Kernel {
  readonly code: string;
  /** The steps in their order: see {@link printKernel}. */
  readonly program: Uint32Array<ArrayBuffer>;
  readonly bound: readonly Binding[];
}

/** What a kernel is printed from. */
export interface KernelParts {
  readonly lowered: Lowered;
  readonly intervals: readonly (readonly Step[])[];
  readonly layout: Layout;
  /** Invocations of a workgroup. */
  readonly size: number;
  /** Where each constant begins, in vectors of four. */
  readonly constants: ReadonlyMap<Tensor, number>;
}

/** Steps that begin within a workgroup begin at a multiple of this, so that neighbours stay together. */
const LANES = 32;

/** Numbers of a dispatch: see {@link printKernel}. */
export const HEAD = 8;

/**
 * Prints the module.
 *
 * The numbers of a dispatch are [models in a states' array, first model, end of the models, runs, workgroups, numbers of
 * all inputs of one run, 0, 0], then for every input [where it begins in a run, how far its models lie apart].
 *
 * A step is a function of where its tensors begin, so that steps that do the same are printed once: `program` has, step by
 * step, [function, first invocation, 1 and 2 for the barriers behind it, items, and where its tensors begin]. What a compiler
 * sees grows with the kinds of steps, not with the layers of the model. Steps of one interval begin with different
 * invocations: where each has work for a few, all have some.
 */
export function printKernel({ lowered, intervals, layout, size, constants }: KernelParts): Kernel {
  const inputs = [...lowered.inputs.values()];
  const inGroup = (tensor: Tensor) => layout.places.get(tensor)?.inGroup === true;
  const functions = new Map<string, number>();
  const told: number[][] = [];

  /** A state in storage. */
  const stored = (tensor: Tensor): Reach => {
    const { inFours, before } = layout.states.get(tensor) as StatePlace;
    const elements = inFours ? tensor.size / 4 : tensor.size;
    return {
      ...{ array: inFours ? "stateFours" : "states", inFours, entries: [before, elements] },
      base: ([entry, size]) => `${entry} * capacity + model * ${size}`,
    };
  };
  const reach = (tensor: Tensor): Reach => {
    const place = layout.places.get(tensor);
    if (place?.inGroup) {
      const { inFours, offset } = place;
      return {
        array: inFours ? "groupFours" : "group",
        inFours,
        entries: [offset],
        base: ([entry]) => entry,
      };
    }
    if (tensor.kind === "state") return stored(tensor);
    if (tensor.kind === "constant") {
      const entry = constants.get(tensor) as number;
      return { array: "constants", inFours: true, entries: [entry], base: ([at]) => at };
    }
    if (tensor.kind === "input")
      return {
        ...{ array: "inputs", inFours: false, entries: [HEAD / 2 + inputs.indexOf(tensor)] },
        base: ([entry]) => `inputsAt(${entry}, model - first) + inputRun`,
      };
    const { inFours, offset } = place as TensorPlace;
    const length = inFours ? layout.scratch.fours : layout.scratch.singles;
    return {
      ...{ array: inFours ? "scratchFours" : "scratch", inFours, entries: [offset] },
      base: ([entry]) => `row * ${length}u + ${entry}`,
    };
  };

  /** What `program` has for a step, whose function is printed if none is like it. */
  const entriesOf = (step: Step, first: number): number[] => {
    const tensors: Tensor[] = [];
    const nameOf = (tensor: Tensor): string => {
      if (!tensors.includes(tensor)) tensors.push(tensor);
      return `b${tensors.indexOf(tensor)}`;
    };
    const body = step.print(addressing(reach, nameOf));
    const entries: number[] = [];
    const bases = tensors.map((tensor, i) => {
      const own = reach(tensor);
      const names = own.entries.map((entry) => {
        const place = entries.push(entry) - 1;
        return `program[at + ${1 + (place >> 2)}u][${place & 3}]`;
      });
      return `let b${i} = ${own.base(names)};`;
    });
    const text = `${bases.join("\n")}
for (var item = start; item < items; item += ${size}u) {
${body}
}`;
    const known = functions.get(text) ?? functions.size;
    functions.set(text, known);
    return [known, (size - first) % size, 0, step.items, ...entries];
  };
  for (const steps of intervals) {
    let first = 0;
    for (const step of steps) {
      told.push(entriesOf(step, first));
      first = (Math.ceil((first + step.items) / LANES) * LANES) % size;
    }
    const written = steps.flatMap(({ writes }) => writes);
    told[told.length - 1][2] = (written.every(inGroup) ? 0 : 1) + (written.some(inGroup) ? 2 : 0);
  }
  const stride = Math.ceil(Math.max(...told.map((entries) => entries.length)) / 4);
  /** A loop that all invocations share. */
  const loop = (count: number, body: string) =>
    `for (var i = local; i < ${count}u; i += ${size}u) { ${body} }`;
  const outputs = [...new Set([...lowered.outputs.values()].map(({ tensor }) => tensor))];
  let before = 0;
  const given = outputs.map((tensor) => {
    const at = `(r * ${outputSize(lowered)}u + ${before}u) * (end - first) + (model - first) * ${tensor.size}u + i`;
    before += tensor.size;
    const { base, entries } = reach(tensor);
    const value = addressing(reach, () => base(entries.map((entry) => `${entry}u`))).load(tensor, "i");
    return loop(tensor.size, `outputs[${at}] = ${value};`);
  });
  // the next run writes where this one's outputs were read
  if (given.length > 0) given.push("workgroupBarrier();");

  /** A loop over those of the states in the group's memory that `which` names, each [here, there, length, 0]. */
  const moves = (
    which: (tensor: Tensor) => boolean,
    inFours: boolean,
    body: (here: string, there: string) => string,
  ) => {
    const tensors = [...layout.states.keys()].filter(
      (tensor) => inGroup(tensor) && which(tensor) && reach(tensor).inFours === inFours,
    );
    if (tensors.length === 0) return "";
    const from = told.length * stride + moved.length;
    for (const tensor of tensors) {
      const count = inFours ? tensor.size / 4 : tensor.size;
      moved.push([reach(tensor).entries[0], stored(tensor).entries[0], count, 0]);
    }
    const [here, there] = inFours ? ["groupFours", "stateFours"] : ["group", "states"];
    return `for (var at = ${from}u; at < ${from + tensors.length}u; at++) {
let told = program[at];
let there = told.y * capacity + model * told.z;
for (var i = local; i < told.z; i += ${size}u) { ${body(`${here}[told.x + i]`, `${there}[there + i]`)} }
}`;
  };
  const moved: number[][] = [];
  const changed = new Set(intervals.flatMap((steps) => steps.flatMap(({ writes }) => writes)));
  const fetched = [true, false].map((inFours) =>
    moves(
      () => true,
      inFours,
      (here, there) => `${here} = ${there};`,
    ),
  );
  const kept = [true, false].map((inFours) =>
    moves(
      (tensor) => changed.has(tensor),
      inFours,
      (here, there) => `${there} = ${here};`,
    ),
  );
  const program = new Uint32Array(4 * (stride * told.length + moved.length));
  told.forEach((entries, i) => {
    program.set(entries, 4 * stride * i);
  });
  program.set(moved.flat(), 4 * stride * told.length);

  const place = "model: u32, first: u32, capacity: u32, row: u32, inputRun: u32";
  const texts = [...functions.keys()];
  const declared = texts
    .map((text, i) => `fn step${i}(start: u32, items: u32, at: u32, ${place}) {\n${text}\n}`)
    .join("\n");
  const cases = texts.map(
    (_, i) => `case ${i}u: { step${i}(start, told.w, at, model, first, capacity, row, inputRun); }`,
  );
  const body = `${fetched.join("\n")}
workgroupBarrier();
for (var r = 0u; r < runs; r++) {
let inputRun = r * ${number(5)};
for (var at = 0u; at < ${stride * told.length}u; at += ${stride}u) {
let told = program[at];
let start = (local + told.y) % ${size}u;
switch told.x {
${cases.join("\n")}
default: {}
}
if ((told.z & 1u) != 0u) { storageBarrier(); }
if ((told.z & 2u) != 0u) { workgroupBarrier(); }
}
${given.join("\n")}
}
${kept.join("\n")}
workgroupBarrier();`;
  const used = bindings.filter(
    (name) => new RegExp(`\\b${name}\\[`).test(declared + body) || name === "numbers",
  );
  const { fours, singles } = layout.group;
  const all = declarations(inputs.length, program.length / 4);
  const code = `${used.map((name) => `@group(0) @binding(${bindings.indexOf(name)}) ${all[name]}`).join("\n")}
${fours > 0 ? `var<workgroup> groupFours: array<vec4f, ${fours}>;` : ""}
${singles > 0 ? `var<workgroup> group: array<f32, ${singles}>;` : ""}
fn inputsAt(entry: u32, model: u32) -> u32 {
let pair = numbers[entry >> 1u];
return select(pair.x + model * pair.y, pair.z + model * pair.w, (entry & 1u) == 1u);
}
${helpersFor(declared)}
${declared}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) local: u32) {
let row = id.x;
let capacity = ${number(0)};
let first = ${number(1)};
let end = ${number(2)};
let runs = ${number(3)};
for (var model = first + row; model < end; model += ${number(4)}) {
${body}
}
}
`;
  return { code, program, bound: used };
}

/** How a kernel reaches a tensor. */
interface Reach {
  readonly array: string;
  readonly inFours: boolean;
  /** Numbers particular to the tensor, and where in the array it begins, given them. */
  readonly entries: readonly number[];
  base(entries: readonly string[]): string;
}

/** Elements of all outputs of one run of one model. */
export function outputSize({ outputs }: Lowered): number {
  const tensors = new Set([...outputs.values()].map(({ tensor }) => tensor));
  return [...tensors].reduce((total, { size }) => total + size, 0);
}

/** Vectors of four in the numbers of a dispatch. */
export function numberVectors(inputs: number): number {
  return Math.ceil((HEAD + 2 * inputs) / 4);
}

const number = (at: number) => `numbers[${at >> 2}][${at & 3}]`;

function declarations(inputs: number, program: number): Record<Binding, string> {
  const array = (name: string, access: string, of: string) =>
    `var<storage, ${access}> ${name}: array<${of}>;`;
  return {
    numbers: `var<uniform> numbers: array<vec4u, ${numberVectors(inputs)}>;`,
    stateFours: array("stateFours", "read_write", "vec4f"),
    states: array("states", "read_write", "f32"),
    scratchFours: array("scratchFours", "read_write", "vec4f"),
    scratch: array("scratch", "read_write", "f32"),
    inputs: array("inputs", "read", "u32"),
    constants: array("constants", "read", "vec4u"),
    outputs: array("outputs", "read_write", "f32"),
    program: `var<uniform> program: array<vec4u, ${program}>;`,
  };
}

/** How steps reach tensors; numbers that are given lie beside each other as bits, whatever they are. */
function addressing(reach: (tensor: Tensor) => Reach, baseOf: (tensor: Tensor) => string): Addressing {
  const typed = ({ kind, dtype }: Tensor, width: 1 | 4, bits: string) => {
    if (kind !== "input" && kind !== "constant") return bits;
    const type = dtype === "int32" ? "i32" : "f32";
    return `bitcast<${width === 4 ? `vec4<${type}>` : type}>(${bits})`;
  };
  const single = (tensor: Tensor, index: string) => {
    const { array, inFours } = reach(tensor);
    return inFours
      ? `${array}[${baseOf(tensor)} + ((${index}) >> 2u)][(${index}) & 3u]`
      : `${array}[${baseOf(tensor)} + ${index}]`;
  };
  const lane = (index: string, i: number) => `4u * (${index}) + ${i}u`;
  return {
    load: (tensor, index) => typed(tensor, 1, single(tensor, index)),
    load4(tensor, index) {
      const { array, inFours } = reach(tensor);
      if (inFours) return typed(tensor, 4, `${array}[${baseOf(tensor)} + ${index}]`);
      const lanes = [0, 1, 2, 3].map((i) => typed(tensor, 1, single(tensor, lane(index, i))));
      return `vec4f(${lanes.join(", ")})`;
    },
    // a single number of a vector is never stored: a neighbour may store another at the same time
    store: (tensor, index, value) => `${single(tensor, index)} = ${value};`,
    store4(tensor, index, value) {
      const { array, inFours } = reach(tensor);
      if (inFours) return `${array}[${baseOf(tensor)} + ${index}] = ${value};`;
      const lanes = [0, 1, 2, 3].map((i) => `${single(tensor, lane(index, i))} = four[${i}];`);
      return `{ let four = ${value}; ${lanes.join(" ")} }`;
    },
  };
}
