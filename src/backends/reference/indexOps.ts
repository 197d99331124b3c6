/** Ops with an operand of indices. */
import { ArgumentError } from "../../base/errors.ts";
import type { Executor } from "./executor.ts";

/** The index, if it is one of 0 … size−1. */
export function checkedIndex(op: string, index: number, size: number): number {
  if (Number.isInteger(index) && index >= 0 && index < size) return index;
  throw new ArgumentError({
    where: op,
    rule: `an index must be a whole number from 0 to ${size - 1}`,
    got: String(index),
    wayOut: "Check the token numbers against the size of the table.",
  });
}

type IndexOp = "gather" | "scatterAdd" | "oneHot";

/** Executors of the ops that look up, add up or mark rows by index. */
export const indexExecutors: { [P in IndexOp]: Executor<P> } = {
  gather: ({ inputs: [{ shape }] }) => {
    const [rows, columns] = shape;
    return ([table, index], out) => {
      for (let i = 0; i < index.length; i++) {
        const row = checkedIndex("gather", index[i], rows) * columns;
        for (let column = 0; column < columns; column++) out[i * columns + column] = table[row + column];
      }
    };
  },
  scatterAdd: ({ attrs: { rows }, shape: [, columns] }) => {
    return ([index, updates], out) => {
      out.fill(0);
      for (let i = 0; i < index.length; i++) {
        const row = checkedIndex("scatterAdd", index[i], rows) * columns;
        for (let column = 0; column < columns; column++) out[row + column] += updates[i * columns + column];
      }
    };
  },
  oneHot: ({ attrs: { depth } }) => {
    return ([index], out) => {
      for (let i = 0; i < index.length; i++)
        for (let column = 0; column < depth; column++) out[i * depth + column] = index[i] === column ? 1 : 0;
    };
  },
};
