/**
 * Requests to a hub: which hosts are spoken to, who gets the token, and when it is worth asking again.
 *
 * Our own, because `@huggingface/hub` 2.17.5 neither hashes what it downloads nor goes on with a file that was cut off
 * (it writes its `.incomplete` file from byte 0 again).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ArgumentError, FileError, type UserError } from "../../base/errors.ts";

/** How patient a connection is. */
export interface Patience {
  /** Waits before the second, third, … attempt, ms; there is one attempt more than waits. */
  readonly waits: readonly number[];
  /** Longest wait that a server may ask for with Retry-After, ms. */
  readonly longestWait: number;
  /** Time until an answer begins, ms. */
  readonly answer: number;
  /** A transfer must move {@link slowest} bytes in every window of so many ms. */
  readonly window: number;
  readonly slowest: number;
}

/** Five waits, a minute in all; 4 KiB in every half minute. */
export const standardPatience: Patience = {
  waits: [1000, 2000, 5000, 15_000, 40_000],
  longestWait: 300_000,
  answer: 60_000,
  window: 30_000,
  slowest: 4096,
};

/** A hub and how to speak to it. */
export interface Hub {
  /** Origin and path, without a slash at the end. */
  readonly endpoint: string;
  /** Sent to the endpoint's own origin only; null for none. */
  readonly token: string | null;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** Receives a line for whoever watches, e.g. about a wait. */
  readonly log: (line: string) => void;
}

/** A failure that another attempt may mend. `wait` is what the server asked for, ms. */
export class PassingFailure extends Error {
  readonly wait: number | null;
  /** Whether no byte was ever exchanged: no network, no such host, nobody listening. */
  readonly unreachable: boolean;
  constructor(
    message: string,
    { wait = null, unreachable = false }: { wait?: number | null; unreachable?: boolean } = {},
  ) {
    super(message);
    this.name = "PassingFailure";
    this.wait = wait;
    this.unreachable = unreachable;
  }
}

const mostRedirects = 8;
const busy = new Set([408, 425, 429, 500, 502, 503, 504]);
const noNetwork = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

/**
 * Returns the endpoint of a hub, without a slash at the end.
 *
 * @throws ArgumentError unless it is an https address, or an http address of this machine, without name and password
 */
export function checkEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const plain =
    url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (plain && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url))))
    return url.href.replace(/\/+$/, "");
  throw new ArgumentError({
    where: "--endpoint",
    rule: "must be an https address without name and password, or an http address of this machine",
    got: JSON.stringify(text.slice(0, 200)),
  });
}

/** Returns a token, null for none. @throws ArgumentError if it could not stand in a header */
export function checkToken(text: string | undefined): string | null {
  if (text === undefined || text === "") return null;
  if (/^[\x21-\x7e]{1,512}$/.test(text)) return text;
  throw new ArgumentError({ where: "HF_TOKEN", rule: "must be one word of printable ASCII characters" });
}

/** The address that a redirect leads to. Another host must speak https, or be this machine where the hub is too. */
function redirected(hub: Hub, from: URL, location: string | null): URL {
  const where = `${from.origin}${from.pathname}`;
  const to = location !== null && URL.canParse(location, from) ? new URL(location, from) : null;
  if (to === null) throw new FileError({ where, rule: "redirects without saying where to" });
  const home = new URL(hub.endpoint);
  const safe = to.protocol === "https:" || (to.protocol === "http:" && isLoopback(to) && isLoopback(home));
  const inward = isLoopback(to) && !isLoopback(home);
  if (safe && !inward && to.username === "" && to.password === "") return to;
  throw new FileError({
    where,
    rule: "redirects to where this does not follow: only https, and never to this machine",
    got: `${to.protocol}//${to.host}`,
  });
}

/** What went wrong on the way, in words; the innermost cause knows best. */
function causeOf(error: unknown): { code: string | null; words: string } {
  let inner = error as Error & { cause?: unknown; code?: unknown };
  while (inner.cause instanceof Error) inner = inner.cause as typeof inner;
  const first = (inner as { errors?: (Error & { code?: unknown })[] }).errors?.[0];
  const code = inner.code ?? first?.code;
  return { code: typeof code === "string" ? code : null, words: first?.message ?? inner.message };
}

/** A failure of the transport as one that may pass; an interruption of the whole run stays what it is. */
export function transportFailure(hub: Hub, error: unknown): unknown {
  if (hub.signal.aborted || error instanceof PassingFailure) return error;
  const { code, words } = causeOf(error);
  const name = (error as Error).name;
  // fetch: TypeError for anything of the network; stream: the system's code
  if (code === null && !(error instanceof TypeError) && name !== "AbortError" && name !== "TimeoutError")
    return error;
  return new PassingFailure(code === null || words.includes(code) ? words : `${words} (${code})`, {
    unreachable: code !== null && noNetwork.has(code),
  });
}

/** The error for a port that `fetch` never connects to, because another service than the web has it; null for others. */
function refusedPort({ origin, port }: URL, error: unknown): FileError | null {
  if (causeOf(error).words !== "bad port") return null;
  return new FileError({ where: origin, rule: "its port is one that no request is sent to", got: port });
}

/** What the server asked for with Retry-After, ms. */
function retryAfter(hub: Hub, headers: Headers): number | null {
  const text = headers.get("retry-after");
  if (text === null || !/^[0-9]{1,6}$/.test(text)) return null;
  return Math.min(Number(text) * 1000, hub.patience.longestWait);
}

/** A transfer that is being watched. */
export interface Answer {
  readonly response: Response;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** Ends the transfer. */
  readonly abort: (reason: Error) => void;
}

/**
 * One attempt at a request, redirects followed. The token goes to the hub's own origin and nowhere else.
 *
 * @param path  below the endpoint, beginning with a slash; or a whole address on the endpoint's origin
 * @throws PassingFailure  no connection, no answer in time, or the server is busy
 * @throws FileError       a redirect that is not followed, or a port that no request is sent to
 */
export async function hubRequest(
  hub: Hub,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const home = new URL(hub.endpoint).origin;
  let url = new URL(path.startsWith("/") ? `${hub.endpoint}${path}` : path);
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(new PassingFailure("no answer in time")), hub.patience.answer);
    // what is compressed on the way cannot be gone on with in the middle
    const own = { "accept-encoding": "identity", "user-agent": "palimpsest", ...headers };
    const known = url.origin === home && hub.token !== null;
    let response: Response;
    try {
      response = await fetch(url, {
        redirect: "manual",
        headers: known ? { ...own, authorization: `Bearer ${hub.token}` } : own,
        signal: AbortSignal.any([hub.signal, stop.signal]),
      });
    } catch (error) {
      throw refusedPort(url, error) ?? transportFailure(hub, error);
    } finally {
      clearTimeout(late);
    }
    if (![301, 302, 303, 307, 308].includes(response.status)) {
      if (!busy.has(response.status)) return { response, url, abort: (reason) => stop.abort(reason) };
      await response.body?.cancel();
      throw new PassingFailure(`${url.host} answers ${response.status}`, {
        wait: retryAfter(hub, response.headers),
      });
    }
    await response.body?.cancel();
    url = redirected(hub, url, response.headers.get("location"));
  }
  throw new FileError({
    where: `${hub.endpoint}${path}`,
    rule: `redirects more than ${mostRedirects} times`,
  });
}

/**
 * Calls until it succeeds, waiting in between; the waits begin anew after an attempt that made progress.
 *
 * @param offline   the error for a hub that cannot be reached at all
 * @param progress  bytes kept so far; an attempt that added fewer than `patience.slowest` counts as a failure
 * @throws what `call` threw last: a {@link PassingFailure} as FileError
 */
export async function withRetries<T>(
  hub: Hub,
  where: string,
  call: () => Promise<T>,
  { progress = () => 0, offline }: { progress?: () => number; offline: (facts: string) => UserError },
): Promise<T> {
  let most = progress();
  let first = true;
  for (let failures = 0; ; first = false) {
    hub.signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      if (progress() - most >= hub.patience.slowest) failures = 0;
      // a file that is begun anew has to come further than before to count
      most = Math.max(most, progress());
      const last = failures >= hub.patience.waits.length;
      if (error.unreachable && (first || last)) throw offline(error.message);
      if (last)
        throw new FileError({
          where,
          rule: `could not be fetched in ${failures + 1} attempts without progress`,
          got: error.message,
          wayOut: "What has arrived is kept; the same command goes on from there.",
        });
      const wait = Math.max(hub.patience.waits[failures++], error.wait ?? 0);
      hub.log(`${where}: ${error.message}; again in ${(wait / 1000).toFixed(0)} s.`);
      await sleep(wait, undefined, { signal: hub.signal });
    }
  }
}
