/** The writer of every op that is written directly; every other op is written by its definition in simpler ops. */
import type { ComputedOp } from "../../graph/node.ts";
import { einsum } from "./contractionWriter.ts";
import { elementwiseWriters } from "./elementwiseWriters.ts";
import type { Writer } from "./emitter.ts";
import { fusedWriters } from "./fusedWriters.ts";
import { indexWriters } from "./indexWriters.ts";
import { shapeWriters } from "./shapeWriters.ts";

/** Writers by op. */
export const writers: { readonly [P in ComputedOp]?: Writer<P> } = {
  ...shapeWriters,
  ...elementwiseWriters,
  einsum,
  ...indexWriters,
  ...fusedWriters,
};
