/** Processes of this program: started, timed, and told from one another by how they ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How a process is started. */
export interface StartOptions {
  /**
   * Ends it and all that it started with SIGKILL after so many milliseconds without a word on stderr or stdout; it has a
   * process group of its own then.
   */
  readonly silence?: number;
  /** Words before the program, e.g. `strace` with its options. */
  readonly under?: readonly string[];
  /** Options of Node. */
  readonly nodeOptions?: readonly string[];
  /** The Node that runs it; this process's own by default. */
  readonly node?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gives it a process group of its own, which `process.kill(-pid)` ends with all its children. */
  readonly detached?: boolean;
  /** Each whole line of stdout as it comes; they are not kept then. */
  readonly onLine?: (line: string) => void;
  /** Each piece of stderr as it comes. */
  readonly onSaid?: (text: string) => void;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it was ended for its silence. */
  readonly silent: boolean;
  readonly stdout: string;
  /** The last 64 KiB of it. */
  readonly stderr: string;
  readonly seconds: number;
}

/** A process under way. */
export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

const keptOfStderr = 65_536;

/** Starts any Node program. */
export function startNode(args: readonly string[], options: StartOptions = {}): Started {
  const {
    silence,
    under = [],
    nodeOptions = [],
    node = process.execPath,
    cwd,
    env,
    detached = silence !== undefined,
    onLine,
    onSaid,
  } = options;
  const [program, ...words] = [...under, node, ...nodeOptions, ...args];
  const started = performance.now();
  const child = spawn(program, words, {
    stdio: ["ignore", "pipe", "pipe"],
    cwd,
    detached,
    env: env === undefined ? process.env : { ...process.env, ...env },
  });
  let [stdout, stderr, line] = ["", "", ""];
  let silent = false;
  let alarm: NodeJS.Timeout | undefined;
  const heard = () => {
    clearTimeout(alarm);
    if (silence === undefined) return;
    alarm = setTimeout(() => {
      silent = true;
      if (detached && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      else child.kill("SIGKILL");
    }, silence);
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    heard();
    if (onLine === undefined) {
      stdout += text;
      return;
    }
    const lines = (line + text).split("\n");
    line = lines.pop() ?? "";
    for (const each of lines) onLine(each);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    heard();
    stderr = (stderr + text).slice(-keptOfStderr);
    onSaid?.(text);
  });
  heard();
  const ended = Promise.race([
    once(child, "close"),
    once(child, "error").then(([error]) => Promise.reject(error)),
  ]).then(([code, signal]): Ended => {
    clearTimeout(alarm);
    const seconds = (performance.now() - started) / 1000;
    return { code, signal, silent, stdout, stderr, seconds };
  });
  return { process: child, ended };
}

/** Starts this program as one of its children. */
export function startChild(name: string, argument: unknown, options: StartOptions = {}): Started {
  return startNode([process.argv[1], "child", name, JSON.stringify(argument)], options);
}

/** Does work for every item, `width` of them at a time; results in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
