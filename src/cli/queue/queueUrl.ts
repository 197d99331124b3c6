/** The address of a queue's server. */
import { ArgumentError } from "../../base/errors.ts";

/** A server that carries a queue. */
export interface QueueUrl {
  readonly kind: "redis" | "postgres";
  /** With the password, where there is one: for the driver, never for a reader. */
  readonly url: string;
  /** Without the password: what is said, logged and written. */
  readonly shown: string;
  /** What must not appear in any message: the password as given and decoded. */
  readonly secrets: readonly string[];
}

const kinds = new Map<string, QueueUrl["kind"]>([
  ["redis:", "redis"],
  ["rediss:", "redis"],
  ["postgres:", "postgres"],
  ["postgresql:", "postgres"],
]);

/** The environment variable that holds the password of a URL that has none, so that no process list shows it. */
export const passwordVariable = "PALIMPSEST_QUEUE_PASSWORD";

const secretParameters = ["password", "sslpassword"];

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Reads the address of a queue.
 *
 * @param text      e.g. `redis://user@host:6379/0`, `rediss://…` (TLS), `postgres://user@host/database?sslmode=verify-full`
 * @param password  what {@link passwordVariable} holds; used where the URL has no password
 * @throws ArgumentError for anything else; the message does not repeat what was given, it may hold a password
 */
export function queueUrl(text: string, password?: string): QueueUrl {
  const wayOut = `Give redis://HOST:PORT/0, rediss://… (TLS) or postgres://USER@HOST/DATABASE, the password in ${passwordVariable}.`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ArgumentError({ where: "--queue", rule: "not a URL", wayOut });
  }
  const kind = kinds.get(url.protocol);
  if (kind === undefined)
    throw new ArgumentError({
      where: "--queue",
      rule: "the address of a Redis or PostgreSQL server",
      got: `a URL that begins with ${url.protocol}`,
      wayOut,
    });
  if (url.hostname === "") throw new ArgumentError({ where: "--queue", rule: "a URL with a host", wayOut });
  if (url.password === "" && password !== undefined && password !== "")
    url.password = encodeURIComponent(password);
  const secrets = [url.password, ...secretParameters.map((name) => url.searchParams.get(name) ?? "")]
    .flatMap((secret) => [secret, decoded(secret)])
    .filter((secret, i, all) => secret !== "" && all.indexOf(secret) === i);
  const shown = new URL(url);
  shown.password = "";
  for (const name of secretParameters) shown.searchParams.delete(name);
  return { kind, url: url.href, shown: shown.href, secrets };
}

/** A driver's message on one line, without the password. */
export function withoutSecrets(message: string, { secrets }: QueueUrl): string {
  let text = message;
  for (const secret of secrets) text = text.replaceAll(secret, "***");
  return text.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
}
