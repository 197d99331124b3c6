/**
 * Deno's Jupyter kernel, started and asked without Jupyter: what a cell shows here is what it shows in JupyterLab.
 *
 * A kernel takes code on its `shell` socket and publishes what comes of it on `iopub`; messages are JSON, signed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWire } from "./wire.ts";

/** What a cell shows, as it stands in a notebook file. */
export type Output =
  | { output_type: "stream"; name: "stdout" | "stderr"; text: string | string[] }
  | {
      output_type: "execute_result" | "display_data";
      data: Readonly<Record<string, unknown>>;
      metadata: Readonly<Record<string, unknown>>;
      execution_count?: number;
    }
  | { output_type: "error"; ename: string; evalue: string; traceback: readonly string[] };

/** A running kernel; one cell at a time. */
export interface Kernel {
  execute(code: string): Promise<Output[]>;
  close(): Promise<void>;
}

interface Message {
  type: string;
  /** Id of the message that this one answers. */
  parent: string;
  content: Record<string, unknown>;
}

const DELIMITER = "<IDS|MSG>";

/** Ports of this machine that nobody uses. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

function signed(key: string, type: string, content: unknown): { id: string; frames: Buffer[] } {
  const id = randomUUID();
  const header = {
    msg_id: id,
    msg_type: type,
    session: key,
    username: "",
    date: new Date().toISOString(),
    version: "5.3",
  };
  const parts = [header, {}, {}, content].map((part) => Buffer.from(JSON.stringify(part)));
  const signature = createHmac("sha256", key);
  for (const part of parts) signature.update(part);
  return { id, frames: [Buffer.from(DELIMITER), Buffer.from(signature.digest("hex")), ...parts] };
}

function parsed(frames: readonly Buffer[]): Message {
  const start = frames.findIndex((frame) => frame.toString() === DELIMITER);
  const [header, parent, , content] = frames.slice(start + 2).map((frame) => JSON.parse(frame.toString()));
  return { type: header.msg_type, parent: parent.msg_id ?? "", content };
}

/** The program of the npm package `deno` itself; what npm puts into the path is a wrapper that would outlive a kill. */
function denoProgram(root: string): string {
  const require = createRequire(join(root, "package.json"));
  return require("deno/install_api.cjs").runInstall();
}

/**
 * Starts a kernel.
 *
 * @param root  folder of the repository, which has the program
 * @param cwd   working folder of the cells; its deno.json is that of the notebook
 * @throws Error if the kernel does not start or ends while it is asked
 */
export async function startKernel({ root, cwd }: { root: string; cwd: string }): Promise<Kernel> {
  const folder = mkdtempSync(join(tmpdir(), "palimpsest-kernel-"));
  const [shell, iopub, stdin, control, hb] = await freePorts(5);
  const key = randomUUID();
  const connection = join(folder, "connection.json");
  writeFileSync(
    connection,
    JSON.stringify({
      ...{ transport: "tcp", ip: "127.0.0.1", key, signature_scheme: "hmac-sha256" },
      ...{ shell_port: shell, iopub_port: iopub, stdin_port: stdin, control_port: control, hb_port: hb },
    }),
  );
  const child = spawn(denoProgram(root), ["jupyter", "--kernel", "--conn", connection], {
    cwd,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  child.stderr.on("data", (bytes) => said.push(String(bytes)));
  const ended = endOf(child, said);
  const close = async () => {
    asking.close();
    hearing.close();
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "close");
      child.kill("SIGKILL");
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  let hear: (message: Message) => void = () => {};
  const tell = (frames: Buffer[]) => hear(parsed(frames));
  const hearing = await Promise.race([openWire({ port: iopub, kind: "SUB" }, tell), ended]);
  const asking = await Promise.race([openWire({ port: shell, kind: "DEALER" }, tell), ended]);

  /** Sends a request and hands on every message until it is answered and, if `idle`, the kernel has said that it rests. */
  const ask = (type: string, content: unknown, idle: boolean, onMessage: (message: Message) => void) => {
    const { id, frames } = signed(key, type, content);
    const done = new Promise<void>((resolve) => {
      const open = new Set(idle ? ["reply", "idle"] : ["reply"]);
      hear = (message) => {
        onMessage(message);
        if (message.parent !== id) return;
        if (message.type.endsWith("_reply")) open.delete("reply");
        if (message.content.execution_state === "idle") open.delete("idle");
        if (open.size === 0) resolve();
      };
    });
    asking.send([Buffer.alloc(0), ...frames]);
    return Promise.race([done, ended]);
  };
  const execute = (code: string, silent: boolean, onMessage: (message: Message) => void) =>
    ask(
      "execute_request",
      { code, silent, store_history: !silent, user_expressions: {}, allow_stdin: false, stop_on_error: true },
      true,
      onMessage,
    );

  // a subscription takes effect some time after it was sent: ask for nothing in particular until something is published
  for (let heard = false; !heard; ) {
    await ask("kernel_info_request", {}, false, ({ type }) => {
      heard ||= type === "status";
    });
    if (!heard) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  return {
    execute: async (code) => {
      const outputs: Output[] = [];
      const collect = ({ type, content }: Message) => addOutput(outputs, type, content);
      await execute(code, false, collect);
      // this kernel may say that it rests before it publishes the last result: what is late comes before the end of the next
      await execute("void 0", true, collect);
      return outputs;
    },
    close,
  };
}

/** Fails when the kernel ends; while it runs, it is a promise that stays open. */
async function endOf(child: ChildProcess, said: readonly string[]): Promise<never> {
  const [code, signal] = await once(child, "close");
  throw new Error(
    `notebook kernel: ended with ${signal ?? code}; it said: ${said.join("").trim() || "nothing"}`,
  );
}

/** What a published message adds to a cell; consecutive text of one stream is one output, as Jupyter writes it. */
function addOutput(outputs: Output[], type: string, content: Record<string, unknown>): void {
  const last = outputs.at(-1);
  if (type === "stream" && last?.output_type === "stream" && last.name === content.name)
    last.text = `${last.text}${content.text}`;
  else if (["stream", "display_data", "execute_result", "error"].includes(type)) {
    const { transient: _, ...kept } = content;
    outputs.push({ output_type: type, ...kept } as Output);
  }
}
