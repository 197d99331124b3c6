#!/usr/bin/env node
/** Starts the built command line. */
import { existsSync } from "node:fs";

const built = new URL("../dist/cli.js", import.meta.url);
if (existsSync(built)) await import(built.href);
else {
  process.stderr.write(
    "palimpsest: it has not been built yet; dist/cli.js is missing. Run `npm run build` first.\n",
  );
  process.exitCode = 2;
}
