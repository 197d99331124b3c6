/** The newest answer of something slow, as the page shows it: it stands until a newer one is there. */
import { untrack } from "svelte";
import { sentenceOf } from "../sentenceOf.ts";
import { newestOnly } from "./newest.ts";

/**
 * Ask from an effect whatever it depends on; requests that are overtaken while another is under way are dropped.
 *
 * @example
 *   const seen = new Latest((q: { run: Population; at: Seen }) => looker.ask(q.run, q.at, "lens", { tokens }));
 *   $effect(() => seen.ask({ run, at }));
 */
export class Latest<Q extends object, A> {
  /** The last answer with its question. */
  answer = $state.raw<{ readonly question: Q; readonly value: A } | null>(null);
  /** Why the last question has no answer; a sentence. */
  failure = $state<string | null>(null);
  busy = $state(false);
  readonly #line;

  constructor(find: (question: Q) => Promise<A>) {
    this.#line = newestOnly<Q, A>(find, {
      answered: (question, value) => {
        this.answer = { question, value };
        this.failure = null;
      },
      failed: (_, error) => {
        this.failure = sentenceOf(error);
      },
      busy: (busy) => {
        this.busy = busy;
      },
      same: sameFields,
    });
  }

  /** Asks; the same question as the last, field by field, is not asked again. */
  ask(question: Q): void {
    untrack(() => this.#line.ask(question));
  }
}

/** Fields that are the same values, or lists of the same values. */
function sameFields(a: object, b: object): boolean {
  const [first, second] = [Object.entries(a), Object.entries(b)];
  return (
    first.length === second.length &&
    first.every(([name, value]) => {
      const other = (b as Record<string, unknown>)[name];
      return Object.is(value, other) || (isList(value) && isList(other) && sameLists(value, other));
    })
  );
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const sameLists = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
