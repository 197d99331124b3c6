/** A queue's server that is a PostgreSQL. */
import type { ConnectionOptions, PgPool, PgPoolClient } from "bullmq";
import { ArgumentError } from "../../base/errors.ts";
import { application, type Broker, type BullMq, pause } from "./broker.ts";
import { createLink } from "./link.ts";
import { optionalPackages } from "./optionalPackage.ts";
import { type QueueUrl, withoutSecrets } from "./queueUrl.ts";

/** What is used of the package `pg`. */
interface Pg {
  readonly Pool: new (options: Readonly<Record<string, unknown>>) => PgPool & { readonly options: object };
}

/** BullMQ's own name for the schema that its tables are in, shared with whoever else uses BullMQ in this database. */
const schema = "bullmq";
/** Below it BullMQ warns. */
const oldestVersion = 14;
/** One for queries; a worker and whoever watches hold one each to listen on. */
const connections = 4;
const connectMs = 10_000;
const queryMs = 60_000;
const retryMs = 500;
/** SQLSTATE of a server that starts: it reads what it had written before it failed. */
const starting = "57P03";
/** A minute of it. */
const startTries = 120;

/** Settings of a PostgreSQL by name, as `SHOW` gives them, and whether it is a standby. */
export interface PostgresSettings {
  readonly server_version_num: string;
  readonly fsync: string;
  readonly synchronous_commit: string;
  readonly full_page_writes: string;
  readonly standby: boolean;
}

/**
 * Refuses a PostgreSQL that could forget jobs.
 *
 * @throws ArgumentError with the sentence that mends it: a version below 14, a standby, or one of fsync,
 *                       synchronous_commit and full_page_writes switched off
 */
export function checkPostgres(settings: PostgresSettings, where: string): void {
  const major = Math.floor(Number(settings.server_version_num) / 10_000);
  if (!(major >= oldestVersion))
    throw new ArgumentError({
      where,
      rule: `needs PostgreSQL ${oldestVersion} or newer`,
      got: String(major),
      wayOut: "Update the server.",
    });
  if (settings.standby)
    throw new ArgumentError({
      where,
      rule: "jobs are written to it",
      got: "a standby, which only reads",
      wayOut: "Give the address of its primary.",
    });
  const off = (["fsync", "full_page_writes", "synchronous_commit"] as const).filter(
    (name) => settings[name] === "off",
  );
  if (off.length === 0) return;
  const mend = off.map((name) => `ALTER SYSTEM SET ${name} = on;`).join(" ");
  throw new ArgumentError({
    where,
    rule: "a PostgreSQL that fails must still know its jobs",
    got: off.map((name) => `${name} = off`).join(", "),
    wayOut: `Run ${mend} SELECT pg_reload_conf(); on it${off.includes("synchronous_commit") ? ", and see that its role and database do not switch it off again" : ""}.`,
  });
}

const settingsQuery = `SELECT current_setting('server_version_num') AS server_version_num,
  current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('full_page_writes') AS full_page_writes, pg_is_in_recovery() AS standby`;

/**
 * Errors that are the server's or the network's for the moment, so that the same call may be answered later: lost and
 * refused connections (SQLSTATE 08, ECONN…), a server that stops, starts or recovers (57P), has no connection or disk
 * left (53), became a standby (25006), or undid a transaction for another's sake (40).
 */
function passes(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    /^(08...|57P0.|53...|25006|40001|40P01|E(CONN\w+|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND))$/.test(
      code ?? "",
    ) ||
    /^(Connection terminated|Client has encountered a connection error|Query read timeout|timeout e)/.test(
      message ?? "",
    )
  );
}

/** Asks for the settings; a server that is starting is waited for. */
async function settingsOf(pool: PgPool): Promise<PostgresSettings> {
  for (let tries = 1; ; tries++) {
    try {
      const { rows } = await pool.query<PostgresSettings>(settingsQuery);
      return rows[0];
    } catch (error) {
      if ((error as { code?: string }).code !== starting || tries === startTries) throw error;
      await pause(retryMs);
    }
  }
}

/** The address with the schema in which BullMQ's statements look for their tables. */
function withSchema(url: string): string {
  const address = new URL(url);
  const options = address.searchParams.get("options");
  address.searchParams.set("options", `${options === null ? "" : `${options} `}-c search_path="${schema}"`);
  return address.href;
}

/**
 * Opens a PostgreSQL server and makes BullMQ's tables there, once.
 *
 * @throws ArgumentError where packages are missing, the server cannot be used, or {@link checkPostgres} refuses it
 */
export async function openPostgres(url: QueueUrl): Promise<Broker> {
  const [bullmq, { Pool }] = (await optionalPackages("--queue", ["bullmq", "pg"])) as [BullMq, Pg];
  const where = `--queue ${url.shown}`;
  const describe = (error: unknown) =>
    withoutSecrets(error instanceof Error ? error.message : String(error), url);

  const link = createLink();
  const pool = new Pool({
    connectionString: withSchema(url.url),
    max: connections,
    connectionTimeoutMillis: connectMs,
    query_timeout: queryMs,
    keepAlive: true,
    application_name: application,
  });
  const hear = (error: Error) => link.lost(describe(error));
  pool.on("error", hear);
  // a connection that breaks while nobody listens to it would end the process
  pool.on("connect", (client) => client.on("error", hear));

  const closed = new AbortController();
  /** BullMQ may still be connecting a listener when it is closed, and then keeps it. */
  const lent = new Set<PgPoolClient>();
  // ioredis keeps a command until the server is back; so does this, and both kinds of server look alike
  const patiently = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        const answer = await ask();
        link.restored();
        return answer;
      } catch (error) {
        if (closed.signal.aborted || !passes(error)) throw error;
        link.lost(describe(error));
        await pause(retryMs, closed.signal);
      }
    }
  };
  const patientPool: PgPool & { readonly options: object } = {
    // BullMQ looks there whether the sockets of listeners are kept alive
    options: pool.options,
    connect: async () => {
      const client = await patiently(() => pool.connect());
      const { release } = client;
      lent.add(client);
      client.release = (destroy) => {
        lent.delete(client);
        // BullMQ takes all listeners off what it gives back to be ended
        if (destroy === true) client.on("error", hear);
        release.call(client, destroy);
      };
      if (closed.signal.aborted) client.release(true);
      return client;
    },
    query: (text, params) => patiently(() => pool.query(text, params)),
    end: () => pool.end(),
    on: () => patientPool,
    removeAllListeners: () => patientPool,
  };

  try {
    checkPostgres(await settingsOf(pool), where);
    const client: PgPoolClient = await pool.connect();
    try {
      await bullmq
        .assertSchemaCompatibility(client, schema)
        .catch(() => bullmq.runMigrations(client, schema));
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    if (error instanceof ArgumentError) throw error;
    const wayOut = "Start the server, or correct the address, the role or its rights.";
    throw new ArgumentError({ where, rule: "cannot be used", got: describe(error), wayOut });
  }

  return {
    bullmq,
    connection: patientPool as unknown as ConnectionOptions,
    backend: bullmq.createPostgresBackend as unknown as Broker["backend"],
    link,
    clockAhead: async () => {
      const asked = Date.now();
      const { rows } = await patientPool.query<{ ms: number }>(
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms",
      );
      const { ms } = rows[0];
      // the server looked at its clock between the question and the answer, however long they were on their way
      return asked > ms ? asked - ms : Math.min(0, Date.now() - ms);
    },
    describe,
    close: async () => {
      closed.abort();
      const ended = pool.end();
      for (const client of lent) client.release(true);
      await ended;
    },
  };
}
