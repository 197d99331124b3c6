/** Where every node of a program lies: inputs and constants for good, intermediates for as long as they are read. */
import { InternalError } from "../../base/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Node, sizeOf } from "../../graph/node.ts";
import { Arena } from "../plan/arena.ts";
import { source } from "../plan/schedule.ts";
import { type Layout, VECTOR_BYTES } from "./layout.ts";

/** A range of scratch memory, in elements, and its address. */
interface Range {
  start: number;
  count: number;
  address: number;
}

/** The places of a program's nodes in a block of memory that begins at `blockStart`. */
export class Placement {
  readonly inputs = new Map<string, { node: Node<"input">; offset: number }>();
  readonly constants: { node: Node<"constant">; offset: number }[] = [];
  readonly #arena = new Arena();
  readonly #places = new Map<Node, number>();
  readonly #held = new Map<Node, Range>();
  readonly #elementBytes: number;
  readonly #scratchStart: number;
  #fixed = 0;

  constructor(
    graph: Graph,
    { elementBytes }: Layout,
    blockStart: number,
    stateOffset: (name: string) => number,
  ) {
    this.#elementBytes = elementBytes;
    for (const node of graph.order) this.#placeLeaf(node, blockStart, stateOffset);
    this.#scratchStart = blockStart + this.#fixed * elementBytes;
  }

  #placeLeaf(node: Node, blockStart: number, stateOffset: (name: string) => number): void {
    const reserve = () => {
      const offset = this.#fixed;
      this.#fixed += this.#wholeVectors(sizeOf(node.shape));
      return offset;
    };
    const address = (offset: number) => blockStart + offset * this.#elementBytes;
    if (node.op === "state") this.assign(node, stateOffset(node.attrs.name) | 1);
    else if (node.op === "constant") {
      const offset = reserve();
      this.constants.push({ node, offset });
      this.assign(node, address(offset));
    } else if (node.op === "input") {
      const { name } = node.attrs;
      const offset = this.inputs.get(name)?.offset ?? reserve();
      if (!this.inputs.has(name)) this.inputs.set(name, { node, offset });
      this.assign(node, address(offset));
    }
  }

  #wholeVectors(elements: number): number {
    const perVector = VECTOR_BYTES / this.#elementBytes;
    return Math.ceil(elements / perVector) * perVector;
  }

  /** Elements of the block: what was reserved, and the most that scratch ever took. */
  get blockElements(): number {
    return this.#fixed + this.#arena.size;
  }

  /** Puts a node at an address word. */
  assign(node: Node, address: number): void {
    this.#places.set(node, address);
  }

  /** Address word of a node's memory. */
  at = (node: Node): number => {
    const place = this.#places.get(source(node));
    if (place !== undefined) return place;
    throw new InternalError({
      where: "wasm lowering",
      rule: "a node is read before it has a place",
      got: node.op,
    });
  };

  /** Scratch until it is given back by {@link giveBack}. */
  take(elements: number): Range {
    const count = this.#wholeVectors(elements);
    const start = this.#arena.take(count);
    return { start, count, address: this.#scratchStart + start * this.#elementBytes };
  }

  giveBack({ start, count }: Range): void {
    this.#arena.release(start, count);
  }

  /** Gives a node scratch of its own, unless it has a place. */
  hold(node: Node): void {
    if (this.#places.has(node)) return;
    const range = this.take(sizeOf(node.shape));
    this.assign(node, range.address);
    this.#held.set(node, range);
  }

  /** Gives back a node's scratch, if it has any. */
  release(node: Node): void {
    const range = this.#held.get(node);
    if (range === undefined) return;
    this.giveBack(range);
    this.#held.delete(node);
  }
}
