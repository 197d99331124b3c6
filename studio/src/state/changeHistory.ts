/** Undo and redo of selections: what was, and what became of it. */

/** Some fields of a state, before and after. */
export interface Change<S> {
  readonly before: Partial<S>;
  readonly after: Partial<S>;
}

/** Changes in their order. */
export interface ChangeHistory<S> {
  readonly done: readonly Change<S>[];
  /** Those that were taken back, the last one first. */
  readonly undone: readonly Change<S>[];
}

/** Nothing was changed. */
export const noChanges: ChangeHistory<never> = { done: [], undone: [] };

/** Changes that are remembered. */
const MOST = 200;

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const isNow = <S extends object>(now: S, part: Partial<S>) =>
  Object.entries(part).every(([name, value]) => same(now[name as keyof S], value));

/** The history after some fields get other values; the same history if they have them already. */
export function changed<S extends object>(
  history: ChangeHistory<S>,
  now: S,
  after: Partial<S>,
): ChangeHistory<S> {
  if (isNow(now, after)) return history;
  const before = Object.fromEntries(
    Object.keys(after).map((name) => [name, now[name as keyof S]]),
  ) as Partial<S>;
  return { done: [...history.done, { before, after }].slice(-MOST), undone: [] };
}

/**
 * Takes the last change back.
 *
 * @returns  null where there is none, or where its fields were changed by others meanwhile
 */
export function undo<S extends object>(
  { done, undone }: ChangeHistory<S>,
  now: S,
): { history: ChangeHistory<S>; part: Partial<S> } | null {
  const last = done.at(-1);
  if (last === undefined || !isNow(now, last.after)) return null;
  return { history: { done: done.slice(0, -1), undone: [last, ...undone] }, part: last.before };
}

/** Does again what was taken back last; null as for {@link undo}. */
export function redo<S extends object>(
  { done, undone }: ChangeHistory<S>,
  now: S,
): { history: ChangeHistory<S>; part: Partial<S> } | null {
  const [next, ...rest] = undone;
  if (next === undefined || !isNow(now, next.before)) return null;
  return { history: { done: [...done, next], undone: rest }, part: next.after };
}
