/** Readers with a safeguard left out, which the harness must notice. */
import { UserError } from "../../src/base/errors.ts";
import type { Target } from "./target.ts";

/** What a reader does wrong to one file in fifty. */
const faults: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  // believes what a file says
  "checked-fields": (bytes) => (bytes as unknown as { shape: number[] }).shape.length,
  // works on in parallel after it has failed
  "settled-promises": () => {
    void Promise.reject(new Error("late"));
  },
  "time-limit": () => {
    const before = process.cpuUsage();
    while (process.cpuUsage(before).user < 1_500_000);
  },
  "end-of-loops": () => {
    for (;;);
  },
  "memory-limit": () => {
    kept.push(new Uint8Array(200 * 2 ** 20).fill(1));
  },
  // native code that reads past its end
  "safe-memory": () => process.kill(process.pid, "SIGSEGV"),
};
const kept: Uint8Array[] = [];

/** Names for `--without`. */
export const fuzzWeakenings = [...Object.keys(faults), "faithful-reading", "refusal-in-words"];

/** A reader of the same kind of file, without the safeguard. */
export function weakened(target: Target, without: string): Target {
  let read = 0;
  return {
    ...target,
    async accept(bytes) {
      read++;
      if (without === "faithful-reading")
        return (await target.accept(bytes)) ?? (read % 50 === 0 ? "lost" : null);
      if (without === "refusal-in-words") {
        try {
          return await target.accept(bytes);
        } catch (error) {
          throw error instanceof UserError ? new SyntaxError(error.message) : error;
        }
      }
      if (read % 50 === 0) faults[without](bytes);
      return target.accept(bytes);
    },
  };
}
