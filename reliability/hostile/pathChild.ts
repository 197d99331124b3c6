import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { mark } from "../fileCalls.ts";
import { badNames } from "./badNames.ts";
import { linkCases, type PathEntry, pathEntries, plantLink } from "./pathEntries.ts";

/** Folder in which every case has a root of its own. */
export interface PathTask {
  readonly base: string;
  readonly without?: string;
}

/** What became of one name at one entry. */
export interface PathResult {
  readonly entry: string;
  /** As it stands in the marks of the trace. */
  readonly id: string;
  readonly name: string;
  readonly root: string;
  readonly outcome: "taken" | "refused" | "good taken" | "good refused" | "threw";
  readonly said: string;
}

/** Takes any name for a path. */
const careless: PathEntry = {
  name: "any name as a path",
  good: "good",
  prepare: async (root, name) => {
    writeFileSync(join(root, "good"), "good");
    return async () => {
      try {
        readFileSync(join(root, decodeURIComponent(name)));
      } catch (error) {
        throw new UserError({ where: name, rule: String(error) });
      }
    };
  },
};

/** What came of a use; anything but a sentence to the user is a defect. */
async function outcomeOf(
  use: () => Promise<unknown>,
  isGood = false,
): Promise<Pick<PathResult, "outcome" | "said">> {
  try {
    await use();
    return { outcome: isGood ? "good taken" : "taken", said: "" };
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const refused = isGood ? "good refused" : "refused";
    return { outcome: error instanceof UserError ? refused : "threw", said: said.slice(0, 400) };
  }
}

/** Gives every name to every entry, a mark in the trace before each. */
export async function tryPaths({ base, without }: PathTask): Promise<void> {
  // the system's time zone is looked up once
  new Date().toString();
  const entries = without === undefined ? pathEntries : [careless];
  for (const [e, entry] of entries.entries()) {
    const rootOf = (place: string) => {
      const root = join(base, `entry-${e}`, entry.isShared ? "root" : place);
      mkdirSync(root, { recursive: true });
      return root;
    };
    const tell = (result: PathResult) => process.stdout.write(`${JSON.stringify(result)}\n`);
    for (const [k, name] of [entry.good, ...badNames].entries()) {
      const id = `${e}/${k}`;
      const root = rootOf(String(k));
      mark("prepare");
      const use = await entry.prepare(root, name);
      mark(id);
      const came = await outcomeOf(use, k === 0);
      mark("between");
      tell({ entry: entry.name, id, name, root, ...came });
      process.stderr.write(".");
    }
    for (const part of entry.hasRun ? linkCases : []) {
      const id = `${e}/link ${part}`;
      const root = rootOf(`link-${part.replaceAll("/", "-")}`);
      mark("prepare");
      const use = await entry.prepare(root, entry.good);
      const isPlanted = plantLink(root, part, join(base, `outside-${e}`, part.replaceAll("/", "-")));
      mark(id);
      if (isPlanted) tell({ entry: entry.name, id, name: `link ${part}`, root, ...(await outcomeOf(use)) });
      mark("between");
    }
    await entry.close?.();
  }
}
