/** Where each tensor of a model lies: in the workgroup's own memory, or in rows of storage. */
import type { Lowered, Step, Tensor } from "../step.ts";
import { accessesOf } from "./accesses.ts";

/** Place of a tensor in an array of vectors of four, or of numbers; offsets count what the array is made of. */
export interface TensorPlace {
  /** Whether it lies in the workgroup's memory; a state is fetched from storage first, and brought back if it changed. */
  readonly inGroup: boolean;
  readonly inFours: boolean;
  /** In the group's array, or in a model's row of scratch. */
  readonly offset: number;
}

/** Lengths of a pair of arrays: one of vectors, one of numbers. */
export interface Lengths {
  readonly fours: number;
  readonly singles: number;
}

/** A state in storage: where its models begin, in elements of one model's states before it. */
export interface StatePlace {
  readonly inFours: boolean;
  /** Elements of its array that one model has in the states before it. */
  readonly before: number;
}

export interface Layout {
  /** States that lie in the group's memory, and scratch. */
  readonly places: ReadonlyMap<Tensor, TensorPlace>;
  readonly states: ReadonlyMap<Tensor, StatePlace>;
  readonly group: Lengths;
  /** Of a row of scratch. */
  readonly scratch: Lengths;
  /** Of one model's states. */
  readonly perModel: Lengths;
  /** Elements that the steps load and store in one run of one model: the measure of its work. */
  readonly accesses: number;
}

/** From the interval that first touches a tensor to the last that does. */
interface Lifetime {
  readonly first: number;
  readonly last: number;
}

/**
 * The tensors that are reached most often for their size go into the group's memory, as long as there is room.
 *
 * @param intervals   the steps by interval
 * @param groupBytes  bytes of workgroup memory that may be taken
 */
export function layOut(
  lowered: Lowered,
  intervals: readonly (readonly Step[])[],
  groupBytes: number,
): Layout {
  const elements = new Map<Tensor, number>();
  const storedSingly = new Set<Tensor>();
  const lifetimes = new Map<Tensor, Lifetime>();
  intervals.forEach((steps, at) => {
    for (const step of steps)
      for (const [tensor, found] of accessesOf(step)) {
        elements.set(tensor, (elements.get(tensor) ?? 0) + found.elements);
        if (found.storesSingly) storedSingly.add(tensor);
        lifetimes.set(tensor, { first: lifetimes.get(tensor)?.first ?? at, last: at });
      }
  });
  for (const { tensor } of lowered.outputs.values())
    lifetimes.set(tensor, { first: lifetimes.get(tensor)?.first ?? 0, last: intervals.length });
  for (const tensor of lowered.states.values()) lifetimes.set(tensor, { first: 0, last: intervals.length });
  const inFours = (tensor: Tensor) => tensor.size % 4 === 0 && !storedSingly.has(tensor);

  const candidates = [...lifetimes.keys()].filter(({ kind }) => kind === "state" || kind === "scratch");
  const heat = (tensor: Tensor) => (elements.get(tensor) ?? 0) / tensor.size;
  const hot = candidates.filter((tensor) => 4 * tensor.size <= groupBytes && heat(tensor) > MOVED);
  hot.sort((a, b) => heat(b) - heat(a));
  let chosen: Tensor[] = [];
  let group = arrange(chosen, lifetimes, inFours);
  for (const tensor of hot) {
    const more = [...chosen, tensor];
    const tried = arrange(more, lifetimes, inFours);
    if (16 * tried.lengths.fours + 4 * tried.lengths.singles > groupBytes) continue;
    chosen = more;
    group = tried;
  }
  const rest = candidates.filter((tensor) => tensor.kind === "scratch" && !chosen.includes(tensor));
  const scratch = arrange(rest, lifetimes, inFours);
  const states = new Map<Tensor, StatePlace>();
  const perModel = { fours: 0, singles: 0 };
  for (const tensor of lowered.states.values()) {
    const key = inFours(tensor) ? "fours" : "singles";
    states.set(tensor, { inFours: inFours(tensor), before: perModel[key] });
    perModel[key] += key === "fours" ? tensor.size / 4 : tensor.size;
  }
  const place = (inGroup: boolean) => (tensor: Tensor) =>
    [
      tensor,
      {
        ...{ inGroup, inFours: inFours(tensor) },
        offset: (inGroup ? group : scratch).offsets.get(tensor) as number,
      },
    ] as const;
  return {
    places: new Map([...chosen.map(place(true)), ...rest.map(place(false))]),
    ...{ states, perModel, group: group.lengths, scratch: scratch.lengths },
    accesses: [...elements.values()].reduce((total, count) => total + count, 0),
  };
}

/** What is reached no more often than it takes to write it, read it, and read it once again gains nothing by moving. */
const MOVED = 3;

/** Offsets in two arrays, in which tensors that are never needed at the same time may share a place. */
function arrange(
  tensors: readonly Tensor[],
  lifetimes: ReadonlyMap<Tensor, Lifetime>,
  inFours: (tensor: Tensor) => boolean,
): { offsets: Map<Tensor, number>; lengths: Lengths } {
  const offsets = new Map<Tensor, number>();
  const lengths = { fours: 0, singles: 0 };
  for (const key of ["fours", "singles"] as const) {
    const placed: { start: number; end: number; life: Lifetime }[] = [];
    const own = tensors.filter((tensor) => inFours(tensor) === (key === "fours"));
    // the largest first: the small ones fit into what they leave
    for (const tensor of own.toSorted((a, b) => b.size - a.size)) {
      const count = key === "fours" ? tensor.size / 4 : tensor.size;
      const life = lifetimes.get(tensor) as Lifetime;
      const around = placed
        .filter((other) => other.life.first <= life.last && life.first <= other.life.last)
        .sort((a, b) => a.start - b.start);
      let start = 0;
      for (const other of around) {
        if (other.start - start >= count) break;
        start = Math.max(start, other.end);
      }
      placed.push({ start, end: start + count, life });
      offsets.set(tensor, start);
      lengths[key] = Math.max(lengths[key], start + count);
    }
  }
  return { offsets, lengths };
}
