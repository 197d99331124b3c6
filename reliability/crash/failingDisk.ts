/** A7: the disk refuses a call of a run: full, quota used up, broken, read-only, no permission, too many files. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Check } from "../check.ts";
import { inParallel } from "../startChild.ts";
import {
  type CallKind,
  type FailureCode,
  type FaultPlan,
  type Patch,
  tracedRefusal,
  withProgram,
} from "./commandLine.ts";
import { faultsIn, finish } from "./killRun.ts";
import { callsOf, makeWorkshop, referenceOf, runName, samples, startSample } from "./samples.ts";

/** A way in which a disk fails. */
interface Failing {
  readonly code: FailureCode;
  /** Calls that answer so. */
  readonly kinds: readonly CallKind[];
  /** Whether it goes on failing, as a full disk does. */
  readonly lasting: boolean;
  /** Whether the free bytes are told. */
  readonly space: boolean;
  /** Calls that are tried in the short form. */
  readonly tried: number;
}

const making: readonly CallKind[] = ["open", "write", "mkdir", "rename", "link", "fsync"];
const all: readonly CallKind[] = [...making, "truncate", "unlink", "close"];

const ways: readonly Failing[] = [
  { code: "ENOSPC", kinds: ["open", "write", "mkdir", "fsync"], lasting: true, space: true, tried: 2 },
  { code: "EDQUOT", kinds: ["open", "write", "mkdir", "fsync"], lasting: true, space: true, tried: 1 },
  { code: "EIO", kinds: [...all, "read", "list"], lasting: false, space: false, tried: 1 },
  { code: "EMFILE", kinds: ["open", "open to read", "list"], lasting: false, space: false, tried: 1 },
  {
    code: "EROFS",
    kinds: ["open", "write", "mkdir", "rename", "unlink", "truncate"],
    lasting: true,
    space: false,
    tried: 1,
  },
  { code: "EACCES", kinds: ["open", "mkdir", "rename", "unlink"], lasting: false, space: false, tried: 1 },
];

/** Safeguards in the built program, and what stands in their place. */
const weakened: Readonly<Record<string, readonly Patch[]>> = {
  "told-space": [{ find: /free === null \? meaning : /, replace: "true ? meaning : " }],
};

/** ms that a run is given to end after the disk refused. */
const patience = 5000;

/** Unpublished files of a folder. */
function litterIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => /(^|\/)\.[^/]*\.tmp$/.test(name) || name.startsWith("work/"));
}

export const failingDisk: Check = {
  id: "A7",
  promise:
    "Whatever the disk refuses: one sentence with the path within 5 s, earlier work unharmed, and the run can be gone on with.",
  weakenings: Object.keys(weakened),
  run: (form, { say, without }) =>
    withProgram(without === undefined ? [] : weakened[without], {}, async (build, top) => {
      const sample = samples.train;
      const reference = await referenceOf(sample, build);
      const failures: string[] = [];
      const fired: Record<string, number> = {};
      let count = 0;
      for (const { code, kinds, lasting, space, tried } of without === undefined ? ways : ways.slice(0, 1)) {
        const planIn = (cwd: string): FaultPlan => ({
          under: join(cwd, runName),
          kinds,
          deed: code,
          lasting,
        });
        const calls = (await callsOf(sample, build)).filter(({ kind }) => kinds.includes(kind));
        const points = form === "short" ? tried : calls.length;
        const numbers = Array.from(
          { length: points },
          (_, k) => 1 + Math.floor(((k + 0.5) * calls.length) / points),
        );
        fired[code] = 0;
        await inParallel(numbers, availableParallelism(), async (n) => {
          const cwd = makeWorkshop(join(top, `${code}-${n}`));
          const { kind, path } = calls[n - 1];
          const fail = (text: string) => void failures.push(`${code} at call ${n}, ${kind} ${path}: ${text}`);
          const trace = join(cwd, "trace.jsonl");
          const started = startSample(sample, cwd, { build, plan: { ...planIn(cwd), at: n, trace } });
          const { code: exit, signal, stderr } = await started.ended;
          const ended = Date.now();
          const refused = tracedRefusal(trace);
          // the order of what two workers tell is not always the same, and a run may come to fewer calls
          if (refused === undefined) return;
          count++;
          if (count % 100 === 0) say(`${count} refusals`);
          const lines = stderr.trim().split("\n").filter(Boolean);
          if (exit === 0) {
            // what is refused may not be needed, as the removal of what nothing needs
            for (const text of [
              ...(await faultsIn(cwd)),
              ...(await finish(cwd, reference, { build })).failures,
            ])
              fail(text);
            if (kind !== "unlink" && kind !== "close" && kind !== "list")
              fail("it ended as if nothing had been refused");
            return;
          }
          fired[code]++;
          if (exit !== 2) fail(`it ended with ${exit ?? signal}: ${lines.join(" / ")}`);
          if (ended - refused > patience) fail(`it took ${(ended - refused) / 1000} s to end`);
          const sentence = lines.find((line) => line.includes(code));
          if (sentence === undefined) fail(`it does not say what the disk said: ${lines.join(" / ")}`);
          else {
            if (!sentence.includes(runName)) fail(`it does not name the path: ${sentence}`);
            if (space && !/\d+ bytes free/.test(sentence))
              fail(`it does not name the free bytes: ${sentence}`);
            if (/\n\s+at /.test(stderr)) fail("it shows a stack");
          }
          for (const text of await faultsIn(cwd)) fail(text);
          for (const text of (await finish(cwd, reference, { build })).failures)
            fail(`gone on with: ${text}`);
          const litter = litterIn(join(cwd, runName));
          if (litter.length > 0) fail(`left ${litter[0]}`);
          rmSync(cwd, { recursive: true });
        });
        if (fired[code] === 0) failures.push(`${code}: no refusal ended the run`);
        say(`${code}: ${fired[code]} of ${points} refusals ended the run`);
      }
      return {
        figure: `${failures.length} failures after ${count} refusals of the disk`,
        count,
        coverage: fired,
        failures,
      };
    }),
};
