/** B2: of 64 runs one has a bad file; that file is named, and everything else is as it was. */
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { listRuns } from "../../src/cli/runList/listRuns.ts";
import { startServer } from "../../src/cli/studio/server.ts";
import { runVerify } from "../../src/cli/verify/verify.ts";
import { type Answer, palimpsest } from "../../test/cli/harness.ts";
import type { Check } from "../check.ts";
import { withFolder } from "../folderBytes.ts";

const runs = 64;
const files = [
  "summary.txt",
  "report.html",
  "checkpoints/step-000001.safetensors",
  "measurements/one.parquet",
];
const handlers = {
  verify: runVerify,
  runsList: async (...words: Parameters<typeof listRuns>) => listRuns(...words),
};

const nameOf = (run: number) => `run-${String(run).padStart(2, "0")}`;

function makeRun(cwd: string, run: number): void {
  const folder = createRunFolder({
    ...{ study: "persistence", out: join("runs", nameOf(run)), cwd, date: () => new Date(0) },
    started: { cwd, workers: 1 },
  });
  for (const [k, file] of files.entries()) folder.write(file, new Uint8Array(200 + k).fill(run + 1));
  folder.commit({
    ...{ study: "persistence", status: "complete", config: { seeds: [run] }, engine: null },
    ...{ versions: { palimpsest: "0.1.0" }, command: ["study", "persistence"] },
  });
}

/** Asks the studio's server for every file of every run; the paths that it refuses, and with what. */
async function askStudio(cwd: string): Promise<{ refused: Map<string, number>; runs: number }> {
  const page = join(cwd, "page");
  mkdirSync(page, { recursive: true });
  writeFileSync(join(page, "index.html"), "<!doctype html><title>page</title>");
  const server = await startServer({
    ...{ page, cwd, run: null, host: null, port: 0, date: () => new Date(), report: () => {} },
  });
  try {
    const entry = await fetch(server.url, { redirect: "manual" });
    const cookie = (entry.headers.getSetCookie()[0] ?? "").split(";")[0];
    const ask = (path: string) => fetch(`${server.origin}${path}`, { headers: { cookie } });
    const listed = (await (await ask("/api/runs")).json()) as {
      runs: readonly { id: string; name: string }[];
    };
    const refused = new Map<string, number>();
    for (const { id, name } of listed.runs)
      for (const file of files) {
        const answer = await ask(`/api/runs/${id}/files/${file}`);
        await answer.arrayBuffer();
        if (answer.status !== 200) refused.set(`${name}/${file}`, answer.status);
      }
    return { refused, runs: listed.runs.length };
  } finally {
    await server.close();
  }
}

interface VerifiedRuns {
  readonly runs: readonly {
    readonly run: string;
    readonly verdict: string;
    readonly files: readonly { path: string; verdict: string }[];
  }[];
}

/** What is wrong with what verify says of all runs of which one file is bad. */
function verifyFaults({ exitCode, stdout, stderr }: Answer, bad: string): string[] {
  if (exitCode !== 3) return [`verify ended with ${exitCode}: ${stderr.trim()}`];
  const said = (JSON.parse(stdout) as VerifiedRuns).runs.flatMap(({ run, files: its }) =>
    its.filter(({ verdict }) => verdict !== "sound").map(({ path }) => `${run}/${path}`),
  );
  return [
    ...(said.join() === bad ? [] : [`verify names ${said.join(", ") || "nothing"} in place of ${bad}`]),
    ...(bad.split("/").every((part) => stderr.includes(part))
      ? []
      : [`verify says on stderr: ${stderr.trim()}`]),
  ];
}

function damage(path: string, stream: RandomStream, cut: boolean): void {
  const bytes = new Uint8Array(readFileSync(path));
  if (cut) truncateSync(path, bytes.length - 1);
  else {
    bytes[stream.integer(bytes.length)] ^= 1 << stream.integer(8);
    writeFileSync(path, bytes);
  }
}

export const oneBadFile: Check = {
  id: "B2",
  promise:
    "A bad file costs itself and nothing else: all others open, and verify, the list and the studio go on.",
  weakenings: ["separate-files"],
  run: (form, { seed, without }) =>
    withFolder(async (cwd) => {
      for (let run = 0; run < runs; run++) makeRun(cwd, run);
      const folders = Array.from({ length: runs }, (_, run) => join("runs", nameOf(run)));
      const failures: string[] = [];
      const trials = without !== undefined ? 1 : form === "short" ? 4 : runs;
      const ask = (...words: string[]) => palimpsest(words, { handlers, io: { cwd } });
      for (let trial = 0; trial < trials; trial++) {
        const stream = randomStream("one bad file", seed, trial);
        // in the long form every run has its bad file
        const run = form === "long" ? trial : stream.integer(runs);
        const file = files[trial % files.length];
        const bad = join("runs", nameOf(run), file);
        const saved = readFileSync(join(cwd, bad));
        // every other time it is shorter, which the list sees without reading files
        const cut = (trial + Math.floor(trial / files.length)) % 2 === 1;
        damage(join(cwd, bad), stream, cut);
        // damage that spreads
        const other = join(cwd, "runs", nameOf((run + 1) % runs), file);
        const otherBytes = readFileSync(other);
        if (without === "separate-files") damage(other, stream, cut);

        const found = verifyFaults(await ask("verify", "--json", ...folders), bad);
        const list = await ask("runs", "list", "--json");
        const rows = (JSON.parse(list.stdout) as { runs: { run: string; status: string }[] }).runs;
        const damagedRows = rows.filter(({ status }) => status !== "complete");
        if (rows.length !== runs) found.push(`the list has ${rows.length} of ${runs} runs`);
        if (damagedRows.length !== (cut ? 1 : 0))
          found.push(`the list has ${damagedRows.length} damaged runs`);
        const studio = await askStudio(cwd);
        const refusals = [...studio.refused].map(([path, status]) => `${path} with ${status}`).join(", ");
        if (studio.runs !== runs) found.push(`the studio lists ${studio.runs} runs`);
        if (studio.refused.size !== 1 || ![...studio.refused.values()].includes(409))
          found.push(`the studio refuses ${refusals || "nothing"}`);
        failures.push(...found.map((text) => `${bad}${cut ? ", cut" : ""}: ${text}`));
        writeFileSync(join(cwd, bad), saved);
        writeFileSync(other, otherBytes);
      }
      return {
        figure: `${failures.length} failures in ${trials} trials, each with one bad file among ${runs * files.length}`,
        count: trials,
        coverage: { runs, files: runs * files.length, trials },
        failures,
      };
    }),
};
