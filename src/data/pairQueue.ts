/** A queue that gives the pair with the largest count first, and of equal counts the one with the smallest numbers. */

/** A pair of neighbours in words, as it stood when it was put in. */
export interface QueuedPair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Words that hold it. */
  readonly words: ReadonlySet<number>;
}

/** Whether `a` comes before `b`. */
function before(a: QueuedPair, b: QueuedPair): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** A queue of pairs. */
export interface PairQueue {
  push(pair: QueuedPair): void;
  /** Undefined when it is empty. */
  pop(): QueuedPair | undefined;
}

/** An empty queue: a binary heap. */
export function pairQueue(): PairQueue {
  const heap: QueuedPair[] = [];
  const swap = (i: number, j: number) => {
    [heap[i], heap[j]] = [heap[j], heap[i]];
  };
  return {
    push: (pair) => {
      let at = heap.push(pair) - 1;
      for (let up = (at - 1) >> 1; at > 0 && before(heap[at], heap[up]); up = (at - 1) >> 1) {
        swap(at, up);
        at = up;
      }
    },
    pop: () => {
      if (heap.length <= 1) return heap.pop();
      const [first] = heap;
      heap[0] = heap.pop() as QueuedPair;
      for (let at = 0; ; ) {
        let best = at;
        for (const down of [2 * at + 1, 2 * at + 2])
          if (down < heap.length && before(heap[down], heap[best])) best = down;
        if (best === at) return first;
        swap(at, best);
        at = best;
      }
    },
  };
}
