/** A step as a module of its own: one invocation a work item, the items of all models one after the other. */
import { helpersFor } from "./helpers.ts";
import type { Addressing, Step, Tensor } from "./step.ts";

/** Invocations of a workgroup: what every device has, and a multiple of what any runs in step. */
export const WORKGROUP = 64;
/** Workgroups in a row of the grid: what every device has. */
export const GRID_ROW = 65535;

/** The WGSL of a step and what it binds: the run's numbers at 0, then its tensors. */
export interface Shader {
  readonly code: string;
  readonly tensors: readonly Tensor[];
}

/** How a step reaches one tensor. */
interface Use {
  loads4: boolean;
  stores: boolean;
  stores4: boolean;
}

/**
 * The module of a step.
 *
 * The run's numbers are [models, first, 0, 0] (how many models, and which of the states' buffer is the first), then for
 * every input of `inputs` how far its models lie apart: its size, or 0 where all share it.
 */
export function shaderOf(step: Step, inputs: readonly Tensor[]): Shader {
  const uses = usesOf(step);
  const tensors = [...uses.keys()];
  const name = (tensor: Tensor) => `t${tensors.indexOf(tensor)}`;
  // a single element of a vector must not be set: a neighbour's invocation may set another at the same time
  const isFours = (tensor: Tensor) => {
    const { loads4, stores, stores4 } = uses.get(tensor) as Use;
    return !stores && (loads4 || stores4);
  };
  const at: Addressing = {
    load: (tensor, index) =>
      isFours(tensor)
        ? `${name(tensor)}[(${place(tensor, index, 1)}) >> 2u][(${index}) & 3u]`
        : `${name(tensor)}[${place(tensor, index, 1)}]`,
    load4: (tensor, index) => {
      if (isFours(tensor)) return `${name(tensor)}[${place(tensor, index, 4)}]`;
      const from = place(tensor, `4u * (${index})`, 1);
      return `vec4f(${[0, 1, 2, 3].map((lane) => `${name(tensor)}[${from} + ${lane}u]`).join(", ")})`;
    },
    store: (tensor, index, value) => `${name(tensor)}[${place(tensor, index, 1)}] = ${value};`,
    store4: (tensor, index, value) => {
      if (isFours(tensor)) return `${name(tensor)}[${place(tensor, index, 4)}] = ${value};`;
      const from = place(tensor, `4u * (${index})`, 1);
      const lanes = [0, 1, 2, 3].map((lane) => `${name(tensor)}[${from} + ${lane}u] = four[${lane}];`);
      return `{ let four = ${value}; ${lanes.join(" ")} }`;
    },
  };
  /** Index in the buffer of an element, or of four. */
  const place = (tensor: Tensor, index: string, width: 1 | 4) => {
    if (tensor.kind === "constant") return index;
    const first = name(tensor).replace("t", "m");
    return width === 4 ? `(${first} >> 2u) + ${index}` : `${first} + ${index}`;
  };
  /** Where the model's elements begin. */
  const base = (tensor: Tensor) => {
    if (tensor.kind === "scratch") return `model * ${tensor.size}u`;
    if (tensor.kind === "state") return `(model + run[0].y) * ${tensor.size}u`;
    const input = inputs.indexOf(tensor);
    return `model * run[${1 + (input >> 2)}][${input & 3}]`;
  };
  const body = step.print(at);
  const bindings = tensors.map((tensor, i) => {
    const access = step.writes.includes(tensor) ? "read_write" : "read";
    const element = tensor.dtype === "int32" ? "i32" : isFours(tensor) ? "vec4f" : "f32";
    return `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name(tensor)}: array<${element}>;`;
  });
  const code = `@group(0) @binding(0) var<uniform> run: array<vec4u, ${runVectors(inputs.length)}>;
${bindings.join("\n")}
${helpersFor(body)}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
let invocation = (group.y * ${GRID_ROW}u + group.x) * ${WORKGROUP}u + local;
let model = invocation / ${step.items}u;
if (model >= run[0].x) { return; }
let item = invocation % ${step.items}u;
${tensors
  .filter(({ kind }) => kind !== "constant")
  .map((tensor) => `let ${name(tensor).replace("t", "m")} = ${base(tensor)};`)
  .join("\n")}
${body}
}
`;
  return { code, tensors };
}

/** Vectors of four in the run's numbers. */
export function runVectors(inputs: number): number {
  return 1 + Math.ceil(inputs / 4);
}

/** The tensors of a step, and whether it reaches them by fours. */
function usesOf(step: Step): Map<Tensor, Use> {
  const uses = new Map<Tensor, Use>();
  const use = (tensor: Tensor): Use => {
    const known = uses.get(tensor) ?? { loads4: false, stores: false, stores4: false };
    uses.set(tensor, known);
    return known;
  };
  step.print({
    load: (tensor, index) => {
      use(tensor);
      return `load(${index})`;
    },
    load4: (tensor, index) => {
      use(tensor).loads4 = true;
      return `load(${index})`;
    },
    store: (tensor) => {
      use(tensor).stores = true;
      return "";
    },
    store4: (tensor) => {
      use(tensor).stores4 = true;
      return "";
    },
  });
  return uses;
}
