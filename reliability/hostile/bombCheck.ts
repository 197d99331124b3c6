import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Check } from "../check.ts";
import { inParallel, startChild } from "../startChild.ts";
import type { BombResult, BombTask } from "./bombChild.ts";
import { type Bomb, bombs } from "./bombs.ts";

/** Most that a refusal may take: ms of processor time, and MiB of resident memory, the 60 of Node itself among them. */
const [longest, largest] = [1000, 256];
const silence = 15_000;
/** One that is read without limits, for the test of the test: the first that the whole program would follow. */
const weakenedBombs = ["a header of 100,000,001 bytes", "config.json nested half a million deep"];

async function tried(
  bomb: Bomb,
  without: string | undefined,
): Promise<{ result: BombResult | null; wrong: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "palimpsest-bomb-"));
  try {
    bomb.make(folder);
    const task: BombTask = { name: bomb.name, folder, without };
    const { code, signal, silent, stdout, stderr } = await startChild("bomb", task, { silence }).ended;
    if (code !== 0) {
      const how = silent
        ? `said nothing for ${silence} ms`
        : (signal ?? `exited with ${code}: ${stderr.slice(-300)}`);
      return { result: null, wrong: [`${bomb.name}: the process ${how}`] };
    }
    const result: BombResult = JSON.parse(stdout);
    const { said, isUserError, milliseconds, peak } = result;
    const wrong: string[] = [];
    if (said === null) wrong.push("was read");
    else if (!isUserError) wrong.push(`threw ${said.slice(0, 200)}`);
    else if (!bomb.says.test(said)) wrong.push(`was refused with another sentence: ${said.slice(0, 300)}`);
    if (milliseconds > longest) wrong.push(`took ${Math.round(milliseconds)} ms`);
    if (peak > largest) wrong.push(`took ${Math.round(peak)} MiB`);
    return { result, wrong: wrong.map((what) => `${bomb.name} ${what}`) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** C3: files that are small to write and large to read. */
export const bombCheck: Check = {
  id: "C3",
  promise:
    "A file that would cost more than it is worth is refused within a second of processor time and 256 MiB, and the sentence names file, limit and value.",
  weakenings: ["limits"],
  async run(_, { say, without }) {
    const wanted = without === undefined ? bombs : bombs.filter(({ name }) => weakenedBombs.includes(name));
    let done = 0;
    const all = await inParallel(wanted, 2, async (bomb) => {
      const one = await tried(bomb, without);
      if (++done % 10 === 0) say(`${done} of ${wanted.length}`);
      return one;
    });
    const results = all.flatMap(({ result }) => result ?? []);
    const slowest = Math.max(0, ...results.map(({ milliseconds }) => milliseconds));
    const peak = Math.max(0, ...results.map(({ peak }) => peak));
    return {
      figure: `${wanted.length} files refused, the slowest after ${slowest.toFixed(0)} ms, at ${peak.toFixed(0)} MiB at most`,
      count: wanted.length,
      coverage: { refused: results.filter(({ isUserError }) => isUserError).length },
      failures: all.flatMap(({ wrong }) => wrong),
    };
  },
};
