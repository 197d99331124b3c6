import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { openQueue } from "../../src/cli/queue/openQueue.ts";
import { checkPostgres, type PostgresSettings } from "../../src/cli/queue/postgresBroker.ts";
import { queueUrl, withoutSecrets } from "../../src/cli/queue/queueUrl.ts";
import { checkRedis, infoFields } from "../../src/cli/queue/redisBroker.ts";
import { onEachServer } from "./eachServer.ts";
import { missingServer, type ServerSettings, startServer } from "./servers.ts";
import { toyProgram } from "./toyWorkplace.ts";

/** What openQueue says; "" where it opens. */
async function refusal(url: string): Promise<string> {
  try {
    const queue = await openQueue(url, { store: "refused", program: toyProgram });
    await queue.close();
    return "";
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    return error.message;
  }
}

const forgetful: [kind: "redis" | "postgres", settings: ServerSettings, sentence: RegExp][] = [
  ["redis", { appendonly: "no" }, /got appendonly no\. Run CONFIG SET appendonly yes/],
  ["redis", { "maxmemory-policy": "allkeys-lru" }, /got maxmemory-policy allkeys-lru\. Run CONFIG SET/],
  [
    "postgres",
    { fsync: "off", full_page_writes: "off", synchronous_commit: "off" },
    /got fsync = off, full_page_writes = off, synchronous_commit = off\. Run ALTER SYSTEM SET fsync = on; ALTER/,
  ],
];

for (const [kind, settings, sentence] of forgetful) {
  const missing = missingServer(kind);
  const title = `a real ${kind} with ${JSON.stringify(settings)} is refused with the sentence that mends it`;
  test.skipIf(missing !== null)(missing === null ? title : `${title}; skipped, ${missing}`, async () => {
    const server = await startServer(kind, settings);
    try {
      const text = await refusal(server.url);
      expect(text).toMatch(sentence);
      expect(text).not.toContain(server.password);
      expect(text.split("\n")).toHaveLength(1);
    } finally {
      await server.remove();
    }
  });
}

onEachServer((server, kind) => {
  test("a wrong password is refused in a sentence that shows neither the wrong one nor a right one", async () => {
    const url = new URL(server().url);
    url.password = "not-the-password";
    const text = await refusal(url.href);
    expect(text).toMatch(/^--queue (redis|postgres):\/\/\S+: cannot be used; got .*password.*\. Start/);
    expect(text).not.toContain("not-the-password");
    expect(text).not.toContain(server().password);
  });

  test("the password may stand in the environment, and the place that is shown has none", async () => {
    const url = new URL(server().url);
    url.password = "";
    expect(await refusal(url.href)).toMatch(/cannot be used/);
    process.env.PALIMPSEST_QUEUE_PASSWORD = server().password;
    try {
      const queue = await openQueue(url.href, { store: "shown", program: toyProgram });
      expect(queue.shown).toBe(url.href);
      await queue.close();
    } finally {
      delete process.env.PALIMPSEST_QUEUE_PASSWORD;
    }
  });

  test("a server that is not there is refused at once", async () => {
    const text = await refusal(`${kind}://127.0.0.1:1/0`);
    expect(text).toMatch(/cannot be used; got .*ECONNREFUSED.*\. Start the server, or correct the address/);
  });
});

test("what a Redis says of itself decides whether it is taken", () => {
  const good =
    "# Server\r\nredis_version:7.0.15\r\nrole:master\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n";
  const verdict = (from: string, to: string) => () => checkRedis(infoFields(good.replace(from, to)), "here");
  expect(verdict("", "")).not.toThrow();
  expect(verdict("7.0.15", "6.2.0")).not.toThrow();
  expect(verdict("7.0.15", "6.0.16")).toThrow("here: needs Redis 6.2 or newer; got 6.0.16.");
  expect(verdict("redis_version", "x")).toThrow("got no version");
  expect(verdict("master", "slave")).toThrow("a replica, which only reads");
  expect(verdict("aof_enabled:1", "aof_enabled:0")).toThrow("appendonly no");
  expect(verdict("aof_enabled:1", "")).toThrow("appendonly no");
  expect(verdict("noeviction", "volatile-ttl")).toThrow("maxmemory-policy volatile-ttl");
});

test("what a PostgreSQL says of itself decides whether it is taken", () => {
  const good: PostgresSettings = {
    ...{ server_version_num: "150012", fsync: "on", synchronous_commit: "on" },
    ...{ full_page_writes: "on", standby: false },
  };
  const verdict = (change: Partial<PostgresSettings>) => () => checkPostgres({ ...good, ...change }, "here");
  expect(verdict({})).not.toThrow();
  for (const synchronous_commit of ["local", "remote_write", "remote_apply"])
    expect(verdict({ synchronous_commit })).not.toThrow();
  expect(verdict({ server_version_num: "130020" })).toThrow("here: needs PostgreSQL 14 or newer; got 13.");
  expect(verdict({ standby: true })).toThrow("a standby, which only reads");
  expect(verdict({ fsync: "off" })).toThrow(
    "got fsync = off. Run ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf(); on it.",
  );
  expect(verdict({ synchronous_commit: "off" })).toThrow("see that its role and database do not");
  expect(verdict({ full_page_writes: "off" })).toThrow("full_page_writes = off");
});

test("an address is shown without its password wherever that stands, and messages are cleared of it", () => {
  const url = queueUrl("postgres://me:s%C3%A9cret@db:5432/lab?sslmode=verify-full&sslpassword=key%20word");
  expect(url.shown).toBe("postgres://me@db:5432/lab?sslmode=verify-full");
  const message = 'cannot log in with "sécret" (s%C3%A9cret)\n and key word.';
  expect(withoutSecrets(message, url)).toBe('cannot log in with "***" (***) and ***');
  expect(queueUrl("rediss://db", "a:b/@").url).toBe("rediss://:a%3Ab%2F%40@db");
  expect(queueUrl("redis://:given@db", "other").secrets).toEqual(["given"]);
});

test("what is no address of a queue is refused without being repeated", () => {
  for (const text of [
    "",
    "redis",
    "redis:///0",
    "http://me:secret@db",
    "mysql://me:secret@db",
    "//me:secret@db",
  ]) {
    expect(() => queueUrl(text)).toThrow(ArgumentError);
    expect(() => queueUrl(text)).not.toThrow("secret");
  }
});
