/** States where the population kernel reaches them: all in one or two buffers, while a session has a buffer for each. */
import type { Place, Residence, Span } from "../place.ts";
import type { Layout, StatePlace } from "./layout.ts";

/** Copies of the states that a kernel trains. They are the newest from {@link take} until {@link bringHome}. */
export interface StateArena {
  /** Brings the newest numbers here, if they are elsewhere. */
  take(): void;
  /** The buffers of a span's models, `stateFours` and `states`. */
  buffers(span: number): { readonly stateFours: GPUBuffer; readonly states: GPUBuffer };
}

export function openStateArena(
  place: Place,
  { states, perModel }: Layout,
  spans: readonly Span[],
): StateArena {
  const { gpu, memory, held, residence } = place;
  const own = spans.map(({ count }) => ({
    stateFours: memory.buffer(16 * perModel.fours * count),
    states: memory.buffer(4 * perModel.singles * count),
  }));
  const copy = (isHome: boolean) => {
    const encoder = gpu.device.createCommandEncoder();
    spans.forEach((span, i) => {
      for (const [tensor, of] of states) {
        const home = held.get(tensor.name)?.buffers[span.buffer];
        if (home === undefined) continue;
        const bytes = 4 * tensor.size * span.count;
        const [ours, theirs] = [offsetOf(of, span), 4 * tensor.size * span.first];
        const here = of.inFours ? own[i].stateFours : own[i].states;
        if (isHome) encoder.copyBufferToBuffer(home, theirs, here, ours, bytes);
        else encoder.copyBufferToBuffer(here, ours, home, theirs, bytes);
      }
    });
    gpu.device.queue.submit([encoder.finish()]);
  };
  const arena: StateArena = {
    take() {
      if (residence.isAt(arena)) return;
      residence.bringHome();
      copy(true);
      residence.moveTo(arena, () => copy(false));
    },
    buffers: (span) => own[span],
  };
  return arena;
}

const offsetOf = ({ inFours, before }: StatePlace, { count }: Span): number =>
  (inFours ? 16 : 4) * before * count;

export function openResidence(): Residence {
  let away: { arena: object; back: () => void } | undefined;
  return {
    isAt: (arena) => away?.arena === arena,
    moveTo(arena, back) {
      away = { arena, back };
    },
    bringHome() {
      away?.back();
      away = undefined;
    },
  };
}
