/** A queue's server that is a Redis, or what speaks like one. */
import type { ConnectionOptions } from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { ArgumentError } from "../../base/errors.ts";
import { application, type Broker, type BullMq } from "./broker.ts";
import { createLink } from "./link.ts";
import { optionalPackages } from "./optionalPackage.ts";
import { type QueueUrl, withoutSecrets } from "./queueUrl.ts";

/** The constructor of the package `ioredis`. */
type RedisClass = new (url: string, options: RedisOptions) => Redis;

const connectMs = 10_000;
/** Below it BullMQ warns that its scripts may not do what they should. */
const oldestVersion = [6, 2];

/** The fields of `INFO`, e.g. `aof_enabled:1`. */
export function infoFields(text: string): ReadonlyMap<string, string> {
  const fields = text
    .split(/\r?\n/)
    .filter((line) => line.includes(":") && !line.startsWith("#"))
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const);
  return new Map(fields);
}

/**
 * Refuses a Redis that could forget jobs.
 *
 * `INFO` is asked and not `CONFIG GET`, which hosted servers do not answer.
 *
 * @param info   what `INFO` says, see {@link infoFields}
 * @param where  the server as it may be shown
 * @throws ArgumentError with the sentence that mends it: a version below 6.2, a replica, no append-only file, or keys
 *                       that are evicted when memory is short
 */
export function checkRedis(info: ReadonlyMap<string, string>, where: string): void {
  const refuse = (rule: string, got: string, wayOut: string): never => {
    throw new ArgumentError({ where, rule, got, wayOut });
  };
  const version = info.get("redis_version") ?? "no version";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (!(major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1])))
    refuse(`needs Redis ${oldestVersion.join(".")} or newer`, version, "Update the server.");
  if (info.get("role") === "slave" || info.get("role") === "replica")
    refuse("jobs are written to it", "a replica, which only reads", "Give the address of its primary.");
  if (info.get("aof_enabled") !== "1")
    refuse(
      "a Redis that is restarted must still know its jobs",
      "appendonly no",
      'Run CONFIG SET appendonly yes and CONFIG REWRITE on it, or put "appendonly yes" into its redis.conf.',
    );
  const policy = info.get("maxmemory_policy") ?? "no policy";
  if (policy !== "noeviction")
    refuse(
      "a Redis that is short of memory must refuse jobs, not forget them",
      `maxmemory-policy ${policy}`,
      'Run CONFIG SET maxmemory-policy noeviction and CONFIG REWRITE on it, or put "maxmemory-policy noeviction" into its redis.conf.',
    );
}

/**
 * Opens a Redis server.
 *
 * @throws ArgumentError where packages are missing, the server cannot be reached, or {@link checkRedis} refuses it
 */
export async function openRedis(url: QueueUrl): Promise<Broker> {
  const [bullmq, ioredis] = (await optionalPackages("--queue", ["bullmq", "ioredis"])) as [
    BullMq,
    { readonly Redis: RedisClass },
  ];
  const where = `--queue ${url.shown}`;
  const describe = (error: unknown) =>
    withoutSecrets(error instanceof Error ? error.message : String(error), url);

  const patient: RedisOptions = {
    connectTimeout: connectMs,
    keepAlive: connectMs,
    // ioredis holds the process for that long after the last word
    disconnectTimeout: 200,
    // a command waits for the server however long it is away
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 1000),
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  };
  const probe = new ioredis.Redis(url.url, {
    ...patient,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  let reason: unknown = null;
  probe.on("error", (error) => {
    reason = error;
  });
  try {
    await probe.connect();
    checkRedis(infoFields(await probe.info()), where);
  } catch (error) {
    if (error instanceof ArgumentError) throw error;
    const wayOut = "Start the server, or correct the address.";
    throw new ArgumentError({ where, rule: "cannot be used", got: describe(reason ?? error), wayOut });
  } finally {
    probe.disconnect();
  }

  const link = createLink();
  const monitor = new ioredis.Redis(url.url, { ...patient, connectionName: application });
  monitor.on("error", (error) => link.lost(describe(error)));
  monitor.on("ready", () => link.restored());
  let closing = false;
  monitor.on("close", () => {
    if (!closing) link.lost("the connection was closed");
  });
  return {
    bullmq,
    // BullMQ's own types are those of an older ioredis
    connection: { ...patient, url: url.url } as unknown as ConnectionOptions,
    backend: bullmq.createRedisBackend,
    link,
    clockAhead: async () => 0,
    describe,
    close: async () => {
      closing = true;
      monitor.disconnect();
    },
  };
}
