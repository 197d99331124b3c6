import { availableParallelism } from "node:os";
import type { Check } from "../check.ts";
import { inParallel, startChild } from "../startChild.ts";
import { type FuzzResult, type FuzzTask, longest } from "./fuzzChild.ts";
import { targets } from "./targets.ts";
import { fuzzWeakenings } from "./weakened.ts";

/** Damaged files of each kind; and what shows that a weakened reader is found out, of one kind. */
const cases = { short: 10_000, long: 200_000, weakened: 100 };
const perChild = { short: 2500, long: 1000 };
/** A process that says nothing for so long has hung; a file may take a second. */
const silence = { whole: 10 * longest, weakened: 2.5 * longest };
/** A case that ends its process is left out and the rest goes on, so many times. */
const mostRestarts = 20;

/** Runs a task, resumed behind each case that ended its process. */
async function runTask(task: FuzzTask, say: (text: string) => void): Promise<FuzzResult> {
  let { from } = task;
  const parts: FuzzResult[] = [];
  for (let restart = 0; ; restart++) {
    let at = from;
    const { ended } = startChild(
      "fuzz",
      { ...task, from },
      {
        silence: task.without === undefined ? silence.whole : silence.weakened,
        nodeOptions: ["--expose-gc", "--max-semi-space-size=4"],
        onSaid: (text) => {
          const last = text.lastIndexOf("@", text.lastIndexOf("\n"));
          if (last >= 0) at = Number.parseInt(text.slice(last + 1), 10);
        },
      },
    );
    const { code, signal, silent, stdout, stderr } = await ended;
    if (code === 0) {
      parts.push(JSON.parse(stdout));
      break;
    }
    const how = silent ? "hung" : signal === null ? `exited with ${code}` : `ended with ${signal}`;
    const said = stderr.replace(/@\d+\n/g, "").slice(-300);
    const failure = `${task.target}, seed ${task.seed}, case ${at}: the process ${how}. ${said}`.trim();
    say(failure);
    const none = { tried: 0, accepted: 0, reasons: [], slowest: 0, growth: 0 };
    parts.push({ ...none, tried: at - from + 1, failures: [failure] });
    from = at + 1;
    if (from >= task.to) break;
    if (restart === mostRestarts || task.without !== undefined) {
      const rest = `${task.target}: ${task.to - from} cases were not tried after ${restart + 1} ends`;
      parts.push({ ...none, failures: [rest] });
      break;
    }
  }
  return {
    tried: parts.reduce((sum, part) => sum + part.tried, 0),
    accepted: parts.reduce((sum, part) => sum + part.accepted, 0),
    reasons: [...new Set(parts.flatMap((part) => part.reasons))],
    slowest: Math.max(...parts.map((part) => part.slowest)),
    growth: Math.max(...parts.map((part) => part.growth)),
    failures: parts.flatMap((part) => part.failures),
  };
}

/** Least that the cases of a kind must reach, or nothing is said about the reader. */
const fewestReasons = 3;

/** C2: damaged files of every kind are refused in a sentence or read faithfully. */
export const mutants: Check = {
  id: "C2",
  promise:
    "A damaged file of any kind is refused in one sentence, within a second of processor time and in bounded memory, or read as what it says.",
  weakenings: fuzzWeakenings,
  async run(form, { seed, say, without }) {
    const kinds = without === undefined ? Object.keys(targets) : ["safetensors"];
    const count = without === undefined ? cases[form] : cases.weakened;
    const size = perChild[form];
    const tasks = kinds.flatMap((target) =>
      Array.from({ length: Math.ceil(count / size) }, (_, i): FuzzTask => {
        const from = i * size;
        return { target, seed, from, to: Math.min(count, from + size), without };
      }),
    );
    let done = 0;
    const results = await inParallel(tasks, availableParallelism(), async (task) => {
      const result = await runTask(task, say);
      if (++done % 50 === 0) say(`${done} of ${tasks.length} processes`);
      return result;
    });
    const coverage: Record<string, number> = { kinds: kinds.length };
    const failures = results.flatMap((result) => result.failures);
    for (const kind of kinds) {
      const ofKind = results.filter((_, i) => tasks[i].target === kind);
      const sum = (of: (result: FuzzResult) => number) => ofKind.reduce((total, each) => total + of(each), 0);
      const reasons = new Set(ofKind.flatMap((each) => each.reasons)).size;
      const [tried, accepted] = [sum((each) => each.tried), sum((each) => each.accepted)];
      coverage[`${kind} read`] = accepted;
      coverage[`${kind} refused`] = tried - accepted;
      coverage[`${kind} reasons`] = reasons;
      if (tried !== count) failures.push(`${kind}: ${tried} of ${count} cases were tried`);
      if (accepted === 0 || accepted === tried || reasons < fewestReasons)
        failures.push(
          `${kind}: ${accepted} of ${tried} read, ${reasons} reasons: the cases reach too little`,
        );
    }
    const total = count * kinds.length;
    const slowest = Math.max(...results.map((result) => result.slowest));
    const growth = Math.max(...results.map((result) => result.growth));
    return {
      figure: `${failures.length} failures in ${total} damaged files of ${kinds.length} kinds; the slowest took ${slowest.toFixed(0)} ms, and memory grew by ${growth.toFixed(0)} MiB at most`,
      count: total,
      coverage,
      failures,
    };
  },
};
