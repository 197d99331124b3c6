/** Real servers for a queue, each in a folder of its own, on the loopback and a free port. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export type ServerKind = "redis" | "postgres";

/** A server that can be killed and started again with what it had written. */
export interface Server {
  readonly kind: ServerKind;
  /** With its password. */
  readonly url: string;
  readonly password: string;
  /** Process id while it runs. */
  pid(): number;
  /** SIGKILL; resolves when it and its children have ended. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder; resolves when it answers. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

/** A change of a server's settings, e.g. { appendonly: "no" } or { fsync: "off" }. */
export type ServerSettings = Readonly<Record<string, string>>;

const password = "pass word/?#ü";
const role = "palimpsest";

function inPath(name: string): string | null {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find(existsSync) ?? null;
}

/** Debian keeps the binaries of each version in a folder of its own. */
function postgresFolder(): string | null {
  const base = "/usr/lib/postgresql";
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions
    .map((version) => join(base, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
  const initdb = inPath("initdb");
  return found ?? (initdb === null ? null : join(initdb, ".."));
}

/** Why a server of this kind cannot be started here; null if it can. */
export function missingServer(kind: ServerKind): string | null {
  if (kind === "redis")
    return inPath("redis-server") === null
      ? "no redis-server in PATH (Debian: apt-get install redis-server)"
      : null;
  if (process.platform === "win32") return "PostgreSQL is only started on POSIX systems";
  return postgresFolder() === null
    ? "no initdb in PATH or /usr/lib/postgresql (Debian: apt-get install postgresql)"
    : null;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Asks the server on a port one thing and resolves to what it answers first; "" where it does not. */
function ask(port: number, question: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(question));
    const end = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(""));
    socket.once("data", (data) => end(data.toString("latin1")));
    socket.once("error", () => end(""));
    socket.once("close", () => resolve(""));
  });
}

/** Polls a server's process until it answers. */
async function untilReady(child: ChildProcess, log: string, ready: () => Promise<boolean>): Promise<void> {
  while (!(await ready())) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(
        `the server ended by itself: ${existsSync(log) ? readFileSync(log, "utf8").slice(-2000) : ""}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** A Redis that forgets nothing, unless the settings say otherwise. */
export async function startRedis(settings: ServerSettings = {}): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "palimpsest-redis-"));
  const port = await freePort();
  const log = join(folder, "log");
  const all = {
    ...{
      bind: "127.0.0.1",
      port: String(port),
      dir: folder,
      save: '""',
      logfile: log,
      requirepass: `"${password}"`,
    },
    ...{ appendonly: "yes", "maxmemory-policy": "noeviction", ...settings },
  };
  const file = join(folder, "redis.conf");
  writeFileSync(
    file,
    `${Object.entries(all)
      .map((pair) => pair.join(" "))
      .join("\n")}\n`,
  );
  let child: ChildProcess;
  const hello = new TextEncoder().encode("PING\r\n");
  const start = async () => {
    child = spawn(inPath("redis-server") ?? "redis-server", [file], { stdio: "ignore" });
    // without a password it answers -NOAUTH once it has read what it had written, -LOADING before
    await untilReady(child, log, async () => (await ask(port, hello)).startsWith("-NOAUTH"));
  };
  const kill = async () => {
    child.kill("SIGKILL");
    await ended(child);
  };
  await start();
  return {
    ...{ kind: "redis", password, start, kill },
    url: `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}/0`,
    pid: () => child.pid ?? 0,
    remove: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The user that a PostgreSQL runs as: it refuses root. */
function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((text) => text.split(":"))
    .find(([name]) => name === "nobody");
  return line === undefined ? { uid: 65_534, gid: 65_534 } : { uid: Number(line[2]), gid: Number(line[3]) };
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A PostgreSQL that forgets nothing, unless the settings say otherwise. */
export async function startPostgres(settings: ServerSettings = {}): Promise<Server> {
  const bin = postgresFolder() ?? "";
  const user = serverUser();
  const folder = mkdtempSync(join(tmpdir(), "palimpsest-postgres-"));
  chmodSync(folder, 0o755);
  const data = join(folder, "data");
  const log = join(folder, "log");
  const secret = join(folder, "secret");
  writeFileSync(secret, password);
  if (user !== null) for (const path of [folder, secret]) chownSync(path, user.uid, user.gid);
  const as = { ...user, cwd: folder, stdio: "ignore" as const };
  const options = [
    "--no-sync",
    "--locale=C",
    "--encoding=UTF8",
    "--auth=scram-sha-256",
    `--pwfile=${secret}`,
  ];
  execFileSync(join(bin, "initdb"), [...options, `--username=${role}`, "-D", data], as);
  const port = await freePort();
  const all = {
    ...{ listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: folder },
    ...{ log_destination: "stderr", logging_collector: "off", ...settings },
  };
  const words = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  let child: ChildProcess;
  // a start-up packet of version 3.0; the server then asks for the password ("R"), or says that it is not ready ("E")
  const text = new TextEncoder().encode(`user\0${role}\0database\0postgres\0\0`);
  const hello = new Uint8Array(8 + text.length);
  new DataView(hello.buffer).setInt32(0, hello.length);
  new DataView(hello.buffer).setInt32(4, 196_608);
  hello.set(text, 8);
  const start = async () => {
    child = spawn(join(bin, "postgres"), ["-D", data, ...words], as);
    await untilReady(child, log, async () => (await ask(port, hello)).startsWith("R"));
  };
  const kill = async () => {
    const pid = child.pid ?? 0;
    child.kill("SIGKILL");
    await ended(child);
    // its children hold the shared memory until they notice, and a new one refuses to start before
    const listening = async () => (await ask(port, hello)) !== "" || alive(pid);
    while (await listening()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await start();
  return {
    ...{ kind: "postgres", password, kill },
    start: async () => {
      for (;;) {
        try {
          return await start();
        } catch (error) {
          // "pre-existing shared memory block": the last child of the killed one is about to end
          if (!existsSync(join(data, "postmaster.pid"))) throw error;
        }
      }
    },
    url: `postgres://${role}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    pid: () => child.pid ?? 0,
    remove: async () => {
      // at once, and its children with it
      child.kill("SIGQUIT");
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server of either kind. */
export function startServer(kind: ServerKind, settings: ServerSettings = {}): Promise<Server> {
  return kind === "redis" ? startRedis(settings) : startPostgres(settings);
}
