import { defineConfig } from "tsdown";

/** What is published: the library with its subpaths, the command line, and the worker that trains. */
export default defineConfig({
  entry: {
    index: "src/index.ts",
    stats: "src/stats/index.ts",
    features: "src/features/index.ts",
    interp: "src/interp/index.ts",
    record: "src/record/index.ts",
    cli: "src/cli/index.ts",
    worker: "src/cli/workers/worker.ts",
  },
  format: "esm",
  platform: "neutral",
  target: "es2022",
  dts: true,
  clean: true,
  fixedExtension: false,
  deps: { neverBundle: [/^node:/] },
});
