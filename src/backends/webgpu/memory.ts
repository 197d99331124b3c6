/** Buffers of a session on the card, and the places of a program's scratch in as few of them as may be. */
import type { Lowered, Tensor } from "./step.ts";

/** WebGPU's flags, whose names a page has and Node has not. */
export const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;

const STORAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;

/** What a session holds on the card. */
export interface Memory {
  buffer(bytes: number, usage?: number): GPUBuffer;
  /** Buffers of at least so many bytes, no two the same; another call may get the same ones again. */
  scratch(bytes: readonly number[]): GPUBuffer[];
  /** A buffer to read through, until it is given back. */
  takeStaging(bytes: number): GPUBuffer;
  giveBack(staging: GPUBuffer): void;
  bytes(): number;
  close(): void;
}

export function openMemory(device: GPUDevice): Memory {
  const all: GPUBuffer[] = [];
  const scratch: GPUBuffer[] = [];
  const staging: GPUBuffer[] = [];
  const buffer = (bytes: number, usage: number = STORAGE) => {
    const made = device.createBuffer({ size: Math.max(16, Math.ceil(bytes / 16) * 16), usage });
    all.push(made);
    return made;
  };
  /** Takes the smallest that is large enough out of a list. */
  const fitting = (list: GPUBuffer[], bytes: number): GPUBuffer | undefined => {
    const fits = list.filter(({ size }) => size >= bytes).sort((a, b) => a.size - b.size);
    if (fits.length > 0) list.splice(list.indexOf(fits[0]), 1);
    return fits[0];
  };
  return {
    buffer,
    scratch(bytes) {
      const free = [...scratch];
      // the largest first: a small one would take their places
      const order = bytes.map((_, i) => i).sort((a, b) => bytes[b] - bytes[a]);
      const taken = new Array<GPUBuffer>(bytes.length);
      for (const i of order) {
        let found = fitting(free, bytes[i]);
        if (found === undefined) scratch.push((found = buffer(bytes[i])));
        taken[i] = found;
      }
      return taken;
    },
    takeStaging: (bytes) => fitting(staging, bytes) ?? buffer(bytes, USAGE.mapRead | USAGE.copyTarget),
    giveBack(used) {
      staging.push(used);
    },
    bytes: () => all.reduce((sum, { size }) => sum + size, 0),
    close() {
      for (const held of all.splice(0)) held.destroy();
      scratch.length = 0;
      staging.length = 0;
    },
  };
}

/** Scratch tensors that are never needed at the same time share a slot. */
export interface Slots {
  /** Elements of one model that each slot holds. */
  readonly sizes: readonly number[];
  readonly slotOf: ReadonlyMap<Tensor, number>;
}

/** Slots for the scratch of a program; outputs keep theirs to the end. */
export function planSlots({ steps, outputs }: Lowered): Slots {
  const last = new Map<Tensor, number>();
  steps.forEach(({ reads, writes }, i) => {
    for (const tensor of [...reads, ...writes]) last.set(tensor, i);
  });
  for (const { tensor } of outputs.values()) last.set(tensor, Number.POSITIVE_INFINITY);
  const sizes: number[] = [];
  const slotOf = new Map<Tensor, number>();
  const free = new Set<number>();
  steps.forEach(({ reads, writes }, i) => {
    for (const tensor of writes) {
      if (tensor.kind !== "scratch" || slotOf.has(tensor)) continue;
      const slot = bestOf([...free], sizes, tensor.size) ?? sizes.length;
      free.delete(slot);
      sizes[slot] = Math.max(sizes[slot] ?? 0, tensor.size);
      slotOf.set(tensor, slot);
    }
    for (const tensor of new Set([...reads, ...writes])) {
      const slot = slotOf.get(tensor);
      if (slot !== undefined && (last.get(tensor) as number) <= i) free.add(slot);
    }
  });
  return { sizes, slotOf };
}

/** The free slot that fits best: the smallest that is large enough, else the largest, which then grows. */
function bestOf(free: readonly number[], sizes: readonly number[], size: number): number | undefined {
  const large = free.filter((slot) => sizes[slot] >= size);
  const waste = (slot: number) => Math.abs(sizes[slot] - size);
  return (large.length > 0 ? large : free).toSorted((a, b) => waste(a) - waste(b))[0];
}
