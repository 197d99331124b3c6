/** Questions that change faster than they can be answered: one is under way, and of those that wait only the newest. */

/** Asks one question at a time. */
export interface NewestOnly<Q> {
  /** Asks, or waits until the question under way is answered; what waited before is dropped. */
  ask(question: Q): void;
}

/** What is told of the answers. */
export interface NewestOptions<Q, A> {
  answered(question: Q, answer: A): void;
  failed(question: Q, error: unknown): void;
  /** Whether a question is under way; told at every change. */
  busy?(busy: boolean): void;
  /** Whether two questions are the same, which is then not asked twice in a row; by default none are. */
  same?(a: Q, b: Q): boolean;
}

/** @param find  answers a question; never called before its last call has settled */
export function newestOnly<Q, A>(
  find: (question: Q) => Promise<A>,
  { answered, failed, busy, same = () => false }: NewestOptions<Q, A>,
): NewestOnly<Q> {
  let waiting: { question: Q } | undefined;
  let last: { question: Q } | undefined;
  let running = false;
  const run = async () => {
    running = true;
    busy?.(true);
    while (waiting !== undefined) {
      const { question } = waiting;
      waiting = undefined;
      try {
        answered(question, await find(question));
      } catch (error) {
        last = undefined; // the same question may be asked again
        failed(question, error);
      }
    }
    running = false;
    busy?.(false);
  };
  return {
    ask(question) {
      if (last !== undefined && same(last.question, question)) return;
      last = { question };
      waiting = { question };
      if (!running) void run();
    },
  };
}
