/** Where the models of a session lie: the buffers of its states, and how a run is cut to them. */
import type { Shape } from "../../graph/node.ts";
import type { Gpu } from "./device.ts";
import type { Memory } from "./memory.ts";

/** A state on the card: its models in buffers of equally many, the last of fewer. */
export interface Held {
  readonly shape: Shape;
  readonly buffers: readonly GPUBuffer[];
}

/** What programs of a session share. */
export interface Place {
  readonly gpu: Gpu;
  readonly memory: Memory;
  readonly models: number;
  /** Bytes that may be bound at once. */
  readonly limit: number;
  /** Models in a buffer of a state. */
  readonly perBuffer: number;
  readonly held: ReadonlyMap<string, Held>;
  /** Where the newest numbers of the states are. */
  readonly residence: Residence;
}

/** Where the newest numbers of a session's states are: in their own buffers, or in an arena. */
export interface Residence {
  isAt(arena: object): boolean;
  moveTo(arena: object, back: () => void): void;
  /** Brings them into their own buffers: before anybody else reads or writes one. */
  bringHome(): void;
}

/** Models of one submission: those from `first` on in the states' buffers number `buffer`. */
export interface Span {
  readonly buffer: number;
  readonly first: number;
  readonly count: number;
}

/** The models of a population in the order in which they run, as many at a time as fit. */
export function spansOf(models: number, perBuffer: number, perRun: number): Span[] {
  const spans: Span[] = [];
  for (let start = 0; start < models; start += perBuffer) {
    const inBuffer = Math.min(perBuffer, models - start);
    for (let first = 0; first < inBuffer; first += perRun)
      spans.push({ buffer: start / perBuffer, first, count: Math.min(perRun, inBuffer - first) });
  }
  return spans;
}
