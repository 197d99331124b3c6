/** The executor of every op, by name: add an op and the compiler asks for its loop. */
import type { ComputedOp } from "../../graph/node.ts";
import { contractionExecutors } from "./contractionOps.ts";
import { elementwiseExecutors } from "./elementwiseOps.ts";
import type { Executor } from "./executor.ts";
import { fusedExecutors } from "./fusedOps.ts";
import { indexExecutors } from "./indexOps.ts";
import { optimiserExecutors } from "./optimiserOps.ts";
import { shapeExecutors } from "./shapeOps.ts";

/** Every op that computes something, and its loop in float64. */
export const executors: { [P in ComputedOp]: Executor<P> } = {
  ...shapeExecutors,
  ...elementwiseExecutors,
  ...contractionExecutors,
  ...indexExecutors,
  ...fusedExecutors,
  ...optimiserExecutors,
};
