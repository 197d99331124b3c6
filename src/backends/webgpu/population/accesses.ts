/** How often the items of a step reach each tensor, and how: what decides where the tensor is best kept. */
import type { Step, Tensor } from "../step.ts";

/** What one run of a step does with a tensor of one model. */
export interface Accesses {
  /** Elements that its items load and store, all together. */
  readonly elements: number;
  /** Whether an element is stored by itself. */
  readonly storesSingly: boolean;
}

const LOOP = /^for \(var (\w+) = (\d+)u; \1 < (\d+)u; (?:\1\+\+|\1 \+= (\d+)u)\) \{$/;
const MARK = /\bmark(\d+)x(\d)\(/g;

/** Counts in the text of a step, whose loops have literal bounds; of the branches of an `if` each counts as taken. */
export function accessesOf(step: Step): Map<Tensor, Accesses> {
  const tensors: Tensor[] = [];
  const singly = new Set<Tensor>();
  const mark = (tensor: Tensor, width: 1 | 4, rest: string): string => {
    let number = tensors.indexOf(tensor);
    if (number < 0) number = tensors.push(tensor) - 1;
    return `mark${number}x${width}(${rest})`;
  };
  const text = step.print({
    load: (tensor, index) => mark(tensor, 1, index),
    load4: (tensor, index) => mark(tensor, 4, index),
    store(tensor, index, value) {
      singly.add(tensor);
      return `${mark(tensor, 1, `${index}, ${value}`)};`;
    },
    store4: (tensor, index, value) => `${mark(tensor, 4, `${index}, ${value}`)};`,
  });
  const counts = tensors.map(() => 0);
  const rounds = [step.items];
  for (const line of text.split("\n")) {
    const around = rounds[rounds.length - 1];
    for (const [, number, width] of line.matchAll(MARK)) counts[Number(number)] += around * Number(width);
    if (line === "}") rounds.pop();
    else if (line.endsWith("{")) rounds.push(around * trips(line));
  }
  return new Map(
    tensors.map((tensor, i) => [tensor, { elements: counts[i], storesSingly: singly.has(tensor) }]),
  );
}

/** How often a block is run; once unless its head is a loop. */
function trips(head: string): number {
  const found = LOOP.exec(head);
  if (found === null) return 1;
  const [from, to, by] = [found[2], found[3], found[4] ?? "1"].map(Number);
  return Math.ceil((to - from) / by);
}
