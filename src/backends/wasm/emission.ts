/** What is at hand when a step is turned into kernel calls. */
import type { Node } from "../../graph/node.ts";
import type { Fusion } from "./fusion.ts";
import type { InstructionWriter } from "./instructions.ts";

/** Everything an emitter needs: where nodes are, temporary space, and the writer. */
export interface Emission {
  writer: InstructionWriter;
  fusion: Fusion;
  /** Address word of a node's memory. */
  at(node: Node): number;
  /** Scratch that lives until the current step is emitted; returns an address word. */
  temporary(elements: number): number;
}
