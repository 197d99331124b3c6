import { defineConfig } from "tsdown";

/** What is published: the library with its subpaths, the command line, and what it starts in threads and processes. */
export default defineConfig({
  entry: {
    index: "src/index.ts",
    stats: "src/stats/index.ts",
    features: "src/features/index.ts",
    interp: "src/interp/index.ts",
    figures: "src/figures/index.ts",
    studies: "src/studies/index.ts",
    record: "src/record/index.ts",
    cli: "src/cli/index.ts",
    worker: "src/cli/workers/worker.ts",
    sweepJob: "src/cli/sweep/jobProcess.ts",
    queryProcess: "src/cli/runList/queryProcess.ts",
  },
  format: "esm",
  platform: "neutral",
  target: "es2022",
  dts: true,
  // the studio's page in dist/studio has a build of its own
  clean: ["dist/*.*"],
  fixedExtension: false,
  deps: { neverBundle: [/^node:/] },
});
