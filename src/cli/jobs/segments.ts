/**
 * What a job told, kept in a journal: segment n is what it told since segment n − 1, and the state it was in after that.
 *
 *   work/KEY/n.told.safetensors    the events
 *   work/KEY/n.state.safetensors   the state; none where the job ended
 *
 * The newest two states are kept, so that a damaged one costs the way from the one before.
 */
import type { JobState } from "../../studies/population/job.ts";
import type { Journal } from "../journal/journal.ts";
import { keepPacked, readPacked } from "./packedPart.ts";
import type { StateFacts } from "./stateFacts.ts";

/** An event of any kind of job. */
export interface ToldEvent {
  readonly kind: string;
}

/** The segments of one job. */
export interface Segments {
  /** What was told before this opening, in order. */
  readonly past: readonly ToldEvent[];
  /** Whether that is all that the job has to tell. */
  readonly ended: boolean;
  /** The state that it goes on from; none where it begins, or has ended. */
  readonly state: JobState | undefined;
  /** Whether parts of the job were lost, so that it goes on from earlier than it had come. */
  readonly lost: boolean;
  /** Takes what the job tells; what ends it is on the disk when this returns. */
  tell(event: ToldEvent): void;
  /** Keeps what was told since the last segment, and the state; on the disk when this returns. */
  save(state: JobState, facts: StateFacts): void;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function eventsIn(value: unknown): ToldEvent[] | null {
  if (!isObject(value) || !Array.isArray(value.events)) return null;
  const isEvent = (event: unknown) => isObject(event) && typeof event.kind === "string";
  return value.events.every(isEvent) ? (value.events as ToldEvent[]) : null;
}

function stateIn(value: unknown): JobState | null {
  if (!isObject(value)) return null;
  const { step, weights, moments, losses, divergedAt } = value;
  const isState =
    Number.isInteger(step) &&
    isObject(weights) &&
    isObject(moments) &&
    Array.isArray(losses) &&
    Array.isArray(divergedAt);
  return isState ? (value as unknown as JobState) : null;
}

/** Paths of the parts of every job that a journal keeps any of, by the job's key. */
export function partsByJob({ kept }: Journal): ReadonlyMap<string, readonly string[]> {
  const byJob = new Map<string, string[]>();
  for (const { path } of kept) {
    const [, key] = path.split("/");
    const parts = byJob.get(key) ?? [];
    byJob.set(key, parts);
    parts.push(path);
  }
  return byJob;
}

/**
 * Opens the segments of a job and reads what is there: as many as are whole, up to the newest that has a state or the
 * end. What lies behind that is dropped.
 *
 * @param key    the job's, and the name of its folder
 * @param parts  the job's, out of {@link partsByJob}: a journal of thousands of jobs is not looked through for each
 * @throws OwnedError, FileError  as the journal does
 */
export function openSegments(journal: Journal, key: string, parts: readonly string[]): Segments {
  const folder = `work/${key}`;
  const told = (n: number) => `${folder}/${n}.told.safetensors`;
  const stateOf = (n: number) => `${folder}/${n}.state.safetensors`;
  const numberOf = (path: string) => Number(path.slice(folder.length + 1).split(".")[0]);
  const own = new Set(parts);
  let lost = false;

  /** What a part holds; null where there is none, or none that this job wrote. */
  const read = <T>(path: string, as: (value: unknown) => T | null): T | null => {
    if (!own.has(path)) return null;
    const part = readPacked(journal, path, key);
    if (part === undefined) own.delete(path);
    const found = part === undefined ? null : as(part.value);
    lost ||= found === null;
    return found;
  };
  const readPast = () => {
    const whole: ToldEvent[][] = [];
    for (;;) {
      const events = read(told(whole.length + 1), eventsIn);
      if (events === null) break;
      whole.push(events);
    }
    if (whole.at(-1)?.at(-1)?.kind === "end")
      return { past: whole.flat(), ended: true, state: undefined, newest: whole.length };
    for (let n = whole.length; n > 0; n--) {
      const state = read(stateOf(n), stateIn) ?? undefined;
      if (state !== undefined) return { past: whole.slice(0, n).flat(), ended: false, state, newest: n };
    }
    return { past: [], ended: false, state: undefined, newest: 0 };
  };
  const { past, ended, state, newest } = readPast();
  /** Number of the newest segment. */
  let n = newest;
  let since: ToldEvent[] = [];
  journal.drop([...own].filter((path) => numberOf(path) > n));
  /** Numbers of the segments whose state is kept, the oldest first. */
  const states = [...own]
    .filter((path) => numberOf(path) <= n && path === stateOf(numberOf(path)))
    .map(numberOf)
    .sort((a, b) => a - b);

  const keepTold = (): void => {
    keepPacked(journal, told(n + 1), { events: since }, key);
    since = [];
    n++;
  };
  /** Drops all states but the newest so many. */
  const leaveStates = (count: number): void => {
    journal.drop(states.splice(0, Math.max(0, states.length - count)).map(stateOf));
  };
  return {
    ...{ past, ended, state, lost },
    tell: (event) => {
      since.push(event);
      if (event.kind !== "end") return;
      keepTold();
      // should this last segment be damaged, the job goes on from the one before
      leaveStates(1);
    },
    save: (next, facts) => {
      keepTold();
      keepPacked(journal, stateOf(n), next, key, facts);
      states.push(n);
      leaveStates(2);
    },
  };
}
