import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "../../src/base/random.ts";
import { runPersistence } from "../../src/cli/runs/persistence.ts";
import { runResume } from "../../src/cli/runs/resume.ts";
import { stopAt } from "../../test/cli/builtProgram.ts";
import { palimpsest } from "../../test/cli/harness.ts";
import { changed, type Json, places, signed } from "../../test/cli/manifestChanges.ts";
import type { Check } from "../check.ts";
import { differences, hashesOf, withFolder } from "../folderBytes.ts";

const study =
  "study persistence --preset original,causal --seeds 3 --sequences 64 --steps 4000 --init gpt2:0.5 --out run --quiet".split(
    " ",
  );

/** Changes that are tried in the short form; the long form tries all. */
const sampled = 12;

/** What a changed manifest is met with where its field is not named. */
const ways: Readonly<Record<string, RegExp>> = {
  formatVersion: /format/,
  // a changed command asks for something else, which is named
  command: /./,
};

/** G6: all that decides a number. */
export const manifestHeld: Check = {
  id: "G6",
  promise:
    "Everything that decides a number stands in the manifest: whatever is changed in it, resume refuses, names the field and leaves the run alone.",
  weakenings: ["comparison"],
  async run(form, { seed, without }) {
    return withFolder(async (cwd) => {
      const folder = join(cwd, "run");
      await stopAt(cwd, study, folder, { event: "started", count: 1, signal: "SIGINT" });
      const file = join(folder, "manifest.json");
      const text = readFileSync(file, "utf8");
      const before = hashesOf(folder);
      const manifest = JSON.parse(text) as Record<string, Json>;
      const { files: _, sha256: __, ...deciding } = manifest;
      const all = [...places(deciding)];
      const order = [...randomStream("manifest", seed).permutation(all.length)].map((i) => all[i]);
      const tried = form === "long" ? all : order.slice(0, sampled);
      const failures: string[] = [];
      // the test of the test: going on with whatever is found
      const resume =
        without === undefined ? runResume : async () => ({ result: {}, summary: "gone on with" });
      const handlers = { resume, persistence: runPersistence };
      for (const path of tried) {
        const [field, inner] = path.map(String);
        const shown = path.join(".");
        const other =
          field === "status"
            ? { ...manifest, status: "complete" }
            : (changed(manifest, path) as typeof manifest);
        writeFileSync(file, signed(other));
        const { exitCode, stdout, stderr } = await palimpsest(["resume", "run", "--quiet"], {
          handlers,
          io: { cwd },
        });
        const named =
          ways[field] ?? (field === "config" ? new RegExp(`config\\.${inner}`) : new RegExp(field));
        if (exitCode !== 2 || stdout !== "")
          failures.push(`${shown} was changed, and resume ended with ${exitCode}`);
        else if (!named.test(stderr)) failures.push(`${shown} was changed, and resume said ${stderr.trim()}`);
        writeFileSync(file, text);
      }
      failures.push(
        ...differences(hashesOf(folder), before).map((what) => `the run was not left alone: ${what}`),
      );
      const fields = new Set(tried.map(([field]) => field)).size;
      return {
        figure: `${tried.length} of ${all.length} values of a manifest changed: ${tried.length - failures.length} refused by name`,
        count: tried.length,
        coverage: { changes: tried.length, values: all.length, fields },
        failures,
      };
    });
  },
};
