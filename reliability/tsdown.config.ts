import { join } from "node:path";
import { defineConfig } from "tsdown";

/** The program that checks what is promised; packages are left where they are installed. */
export default defineConfig({
  entry: {
    main: join(import.meta.dirname, "main.ts"),
    worker: join(import.meta.dirname, "../src/cli/workers/worker.ts"),
  },
  outDir: join(import.meta.dirname, "../dist/reliability"),
  format: "esm",
  platform: "node",
  dts: false,
  deps: { neverBundle: [/^[a-z@]/i] },
});
