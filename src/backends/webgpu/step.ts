/**
 * What a graph becomes for the graphics card: tensors, and steps that compute them one after the other.
 *
 * A step is a loop over work items that may run in any order and side by side: no item reads what another item of the
 * step writes. A step that begins may read all that the steps before it wrote. It prints the WGSL of one item; how
 * tensors are addressed is the driver's business ({@link Addressing}), so that one lowering serves a driver with a
 * dispatch for each step and one that has all steps in one kernel. Whatever the driver, sums are taken in the order of
 * the text.
 */
import type { DType, Shape } from "../../graph/node.ts";

/** A tensor of one model, row-major; two tensors are the same if they are the same object. */
export interface Tensor {
  /**
   * Where it comes from: given at every run, held between runs, the same numbers for every model, or computed. Only
   * states and scratch are written.
   */
  readonly kind: "input" | "state" | "constant" | "scratch";
  /** Of an input or a state; else empty. */
  readonly name: string;
  readonly dtype: DType;
  /** Elements of one model. */
  readonly size: number;
  /** The numbers of a constant, `size` of them. */
  readonly values?: ArrayLike<number>;
}

/**
 * How a driver lets a step reach tensors. Indices are WGSL expressions of type u32 and count from the model's first
 * element. `load4` and `store4` are asked for only where `size` is a multiple of 4; their index counts vectors: 4·index
 * is the first element.
 */
export interface Addressing {
  /** Expression of one element: f32, or i32 of an int32 tensor. */
  load(tensor: Tensor, index: string): string;
  /** Expression of four neighbouring elements, vec4f. */
  load4(tensor: Tensor, index: string): string;
  /** Statement that sets one element. */
  store(tensor: Tensor, index: string, value: string): string;
  /** Statement that sets four neighbouring elements. */
  store4(tensor: Tensor, index: string, value: string): string;
}

/** One loop over work items. */
export interface Step {
  /** The ops in it, for people. */
  readonly what: string;
  /** Work items of one model. */
  readonly items: number;
  readonly reads: readonly Tensor[];
  /** A tensor that is read too is read by each item only where that item writes it, and before it does. */
  readonly writes: readonly Tensor[];
  /**
   * Statements of the work item `item`, a u32 that is declared before them. Names that they declare are their own: put
   * them in braces. Functions that they call are given by {@link helpersFor}.
   */
  print(at: Addressing): string;
}

/** A graph as steps. */
export interface Lowered {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly states: ReadonlyMap<string, Tensor>;
  readonly constants: readonly Tensor[];
  /** Scratch that holds each output after the last step; two names may share one. */
  readonly outputs: ReadonlyMap<string, { readonly tensor: Tensor; readonly shape: Shape }>;
  readonly steps: readonly Step[];
}
