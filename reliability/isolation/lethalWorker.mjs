/**
 * The built worker, made to die: LETHAL says how, over the jobs of which study, and before which of its events. With
 * `once`, a file, it dies one time only, whichever thread comes first.
 */
import { openSync } from "node:fs";
import { parentPort } from "node:worker_threads";

const plan = JSON.parse(process.env.LETHAL ?? "null");

/** (func $f (param i32) … ): what each of three exported functions does, as WebAssembly says it. */
const instance = () => {
  // biome-ignore format: sections of a module: types, functions, one page of memory, exports, code
  const bytes = Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 4, 3, 0, 0, 0, 5, 3, 1, 0, 1,
    7, 13, 3, 1, 117, 0, 0, 1, 108, 0, 1, 1, 114, 0, 2,
    10, 20, 3, 3, 0, 0, 11, 9, 0, 65, 127, 40, 2, 0, 26, 11, 4, 0, 16, 2, 11,
  );
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
};
const recurse = (depth) => recurse(depth + 1) + 1;

/** Ways to die; those that only throw do so in the job itself. */
const deaths = {
  "an error": () => {
    throw new Error("lethal");
  },
  "a text thrown": () => {
    throw "lethal";
  },
  "null thrown": () => {
    throw null;
  },
  "an error in a microtask": () => queueMicrotask(deaths["an error"]),
  "an error in a tick": () => process.nextTick(deaths["an error"]),
  "an error in a timer": () => setTimeout(deaths["an error"], 0),
  "an error in an immediate": () => setImmediate(deaths["an error"]),
  "a text thrown in a microtask": () => queueMicrotask(deaths["a text thrown"]),
  "a rejection that nobody handles": () => void Promise.reject(new Error("lethal")),
  "an end with code 0": () => process.exit(0),
  "an end with code 1": () => process.exit(1),
  "an end with code 137": () => process.exit(137),
  "a trap": () => instance().u(),
  "a trap in a microtask": () => queueMicrotask(() => instance().u()),
  "a load out of bounds": () => instance().l(),
  "a stack of WebAssembly that overflows": () => instance().r(),
  "a stack that overflows in a tick": () => process.nextTick(() => recurse(0)),
  "a heap that is full": () => {
    for (const kept = []; ; ) kept.push(new Array(100_000).fill(kept));
  },
  "memory that cannot be had": () => new ArrayBuffer(2 ** 52),
  "a message that cannot be sent": () => parentPort.postMessage(() => {}),
};

/** Whether it is this thread's turn. */
function isDue() {
  if (plan.once === undefined) return true;
  try {
    openSync(plan.once, "wx");
    return true;
  } catch {
    return false;
  }
}

if (plan !== null) {
  const { on, postMessage } = parentPort;
  let doomed = false;
  let told = 0;
  parentPort.on = (name, listener) =>
    on.call(parentPort, name, (message) => {
      if (name === "message" && message?.params !== undefined)
        doomed = plan.study === undefined || message.params[0]?.arm?.study === plan.study;
      listener(message);
    });
  parentPort.postMessage = (message, ...rest) => {
    if (doomed && message?.isEvent && ++told === plan.at && isDue()) {
      told = Number.NEGATIVE_INFINITY;
      deaths[plan.death]();
    }
    return postMessage.call(parentPort, message, ...rest);
  };
}

await import(process.env.LETHAL_WORKER);
