/** Looks that are asked again and again, as those at the initialisation: answered once. */
import type { LookKind, LookRequest, LookResult } from "../workers/lookWorker.ts";
import type { Looker } from "./looker.ts";
import type { Population, Seen } from "./population.svelte.ts";

/** Answers that are kept of each step, the latest: some sequences and views. */
const KEPT = 24;
const answers = new WeakMap<Seen, Map<string, Promise<unknown>>>();

/**
 * What a look sees, from memory where it was asked before. Only for looks that are decided by networks and request.
 *
 * @param key  instead of the request's JSON, for a request that is long
 */
export function remembered<K extends LookKind>(
  looker: Looker,
  { run, at }: { run: Population; at: Seen },
  kind: K,
  request: LookRequest<K>,
  key: string = JSON.stringify(request),
): Promise<LookResult<K>> {
  const own = answers.get(at) ?? new Map<string, Promise<unknown>>();
  answers.set(at, own);
  const name = `${kind} ${key}`;
  const before = own.get(name);
  own.delete(name);
  const answer = before ?? looker.ask(run, at, kind, request);
  own.set(name, answer);
  if (before === undefined) answer.catch(() => own.delete(name));
  for (const old of [...own.keys()].slice(0, -KEPT)) own.delete(old);
  return answer as Promise<LookResult<K>>;
}
