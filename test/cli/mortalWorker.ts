/**
 * The worker of the build, with a fault put in from outside: at one of the events it tells, its thread dies. Built and
 * started by the tests of pools; which fault, when and how often stands in the environment.
 */
import { mkdirSync } from "node:fs";
import workerpool from "workerpool";

/** What a worker is to die of. */
export interface Fault {
  /** Event of a job, from 1, at which it dies: before it is told. */
  readonly at: number;
  readonly how: "throw" | "reject" | "exit" | "trap" | "defect" | "memory";
  /** How often in all, whatever worker it is. */
  readonly times: number;
  /** Where the deaths are counted: a folder that nothing else is in. */
  readonly folder: string;
  /** Only of jobs whose JSON holds this text. */
  readonly job: string;
}

/** (module (func (export "f") unreachable)) */
const trapping = Uint8Array.of(
  ...[
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11,
  ],
);

const ways: Readonly<Record<Fault["how"], () => void>> = {
  throw: () =>
    queueMicrotask(() => {
      throw new Error("thrown outside");
    }),
  reject: () => void Promise.reject(new Error("nobody waits")),
  exit: () => process.exit(3),
  trap: () => (new WebAssembly.Instance(new WebAssembly.Module(trapping)).exports.f as () => void)(),
  memory: () => {
    const held: number[][] = [];
    for (;;) held.push(new Array(1000).fill(held.length / 3));
  },
  defect: () => {
    throw new TypeError("a defect");
  },
};

const fault: Fault | null = JSON.parse(process.env.PALIMPSEST_TEST_FAULT ?? "null");
const { workerEmit, worker } = workerpool;
let events = 0;
let concerned = false;

/** Whether this death is still to be died: of all workers, one makes each folder. */
function isDue({ folder, times }: Fault): boolean {
  for (let death = 0; death < times; death++) {
    try {
      mkdirSync(`${folder}/${death}`);
      return true;
    } catch {
      // another worker died this one
    }
  }
  return false;
}

workerpool.workerEmit = (event: unknown) => {
  if (fault !== null && concerned && ++events === fault.at && isDue(fault)) ways[fault.how]();
  return workerEmit(event);
};
workerpool.worker = ((methods: Record<string, (...params: unknown[]) => unknown>) => {
  const watched = Object.entries(methods).map(([name, method]) => [
    name,
    (...params: unknown[]) => {
      events = 0;
      concerned = fault !== null && JSON.stringify(params[0]).includes(fault.job);
      return method(...params);
    },
  ]);
  return worker(Object.fromEntries(watched));
}) as typeof worker;

await import("../../src/cli/workers/worker.ts");
