/**
 * What runs in a process of its own, because it may crash, hang or be killed: `main.mjs child NAME ARGUMENT`.
 *
 * A child tells what it has to say as lines of JSON on stdout, and its progress on stderr.
 */

/** A child's deed; its argument is what {@link startChild} was given. */
export type ChildWork = (argument: never) => Promise<void>;

/** Loaded when asked for: a child needs only its own parts. */
export const children: Readonly<Record<string, () => Promise<ChildWork>>> = {
  bomb: async () => (await import("./hostile/bombChild.ts")).readBomb,
  workOnToys: async () => (await import("./processes/queueWorker.ts")).workOnToys,
  hold: async () => (await import("./processes/holder.ts")).hold,
  race: async () => (await import("./processes/racer.ts")).race,
  deaths: async () => (await import("./isolation/deathChild.ts")).runDeaths,
  fuzz: async () => (await import("./hostile/fuzzChild.ts")).fuzz,
  paths: async () => (await import("./hostile/pathChild.ts")).tryPaths,
  golden: async () => (await import("./determinism/goldenTable.ts")).tellGolden,
  patterns: async () => (await import("./hostile/patterns.ts")).runPatterns,
};
