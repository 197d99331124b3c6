/** Whatever decides the numbers of a run is in its manifest, and whoever goes on with the run is held to all of it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runExperiments } from "../../src/cli/runs/experiments.ts";
import { runPersistence } from "../../src/cli/runs/persistence.ts";
import { runResume } from "../../src/cli/runs/resume.ts";
import { runStudy } from "../../src/cli/runs/study.ts";
import { runTrack } from "../../src/cli/runs/track.ts";
import { runTrain } from "../../src/cli/runs/train.ts";
import { eventsOf, hashesOf, run, stopAt } from "./builtProgram.ts";
import { palimpsest } from "./harness.ts";
import { changed, type Json, places, signed } from "./manifestChanges.ts";

const handlers = {
  ...{ resume: runResume, persistence: runPersistence, study: runStudy },
  ...{ experiments: runExperiments, train: runTrain, track: runTrack },
};

let cwd = "";
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  writeFileSync(join(cwd, "book.txt"), "the cat sat on a mat. ".repeat(200));
  const made = await run(cwd, [...train, "--steps", "2", "--export", "all", "--out", "series", "--quiet"]);
  expect([made.code, made.stderr]).toEqual([0, ""]);
}, 240_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const train = "train --text book.txt --layers 1 --d-model 8 --heads 1 --ctx 16 --seeds 2 --sample 0".split(
  " ",
);

const resume = (...args: string[]) => palimpsest(["resume", ...args, "--quiet"], { handlers, io: { cwd } });

test.each<[string, readonly string[], string]>([
  [
    "study persistence",
    "study persistence --preset original --seeds 3 --sequences 64 --steps 4000".split(" "),
    "started",
  ],
  ["a study", "study S9 --quick --seeds 2,5 --backend wasm".split(" "), "started"],
  ["experiments", "experiments --preset gpt,causal --seeds 2 --nulls 1 --init gpt2:2".split(" "), "started"],
  ["train", [...train, "--steps", "4000"], "started"],
  ["track", "track series --text book.txt --sequences 16 --draws 1 --least 1".split(" "), "decided"],
])(
  "%s: whatever is changed in a manifest is named, and the run left alone",
  async (name, args, event) => {
    const out = name.replaceAll(" ", "-");
    const folder = join(cwd, out);
    const ended = await stopAt(cwd, [...args, "--out", out, "--quiet"], folder, {
      event,
      count: 1,
      signal: "SIGINT",
    });
    expect([ended.code, eventsOf(folder).at(-1)]).toEqual([130, "closed"]);
    const file = join(folder, "manifest.json");
    const before = hashesOf(folder);
    const text = readFileSync(file, "utf8");
    const manifest = JSON.parse(text) as Record<string, Json>;
    // what the run left so far is made again, whatever it is said to be, and a manifest is signed last
    const { files: _, sha256: __, ...deciding } = manifest;
    // of the many words of a command every third
    const tried = [...places(deciding)].filter(([field, at]) => field !== "command" || Number(at) % 3 === 0);
    expect(tried.length).toBeGreaterThan(10);
    for (const path of tried) {
      // all but complete are ways not to have ended
      const change =
        path[0] === "status"
          ? { ...manifest, status: "complete" }
          : (changed(manifest, path) as typeof manifest);
      writeFileSync(file, signed(change));
      const { exitCode, stdout, stderr } = await resume(out);
      expect([path, exitCode, stdout]).toEqual([path, 2, ""]);
      expect(stderr.trimEnd().split("\n").length).toBe(1);
      // a changed command asks for something else, and that is named
      if (path[0] !== "command") expect(stderr).toContain(path[0] === "formatVersion" ? "format" : path[0]);
      if (path[0] === "config") expect(stderr).toContain(`config.${path[1]}`);
      writeFileSync(file, text);
    }
    writeFileSync(file, signed({ ...manifest, config: { ...(manifest.config as object), more: 1 } }));
    expect((await resume(out)).stderr).toMatch(/, config\.more: the run was begun with 1; got nothing\./);
    writeFileSync(file, text.replace('"interrupted"', '"failed"'));
    expect((await resume(out)).stderr).toMatch(
      /manifest\.json: sha256: must be the SHA-256 of all other fields/,
    );
    writeFileSync(file, text);
    expect(hashesOf(folder)).toEqual(before);
  },
  240_000,
);

test("an input that was changed or is gone is named", async () => {
  const read = () => readFileSync(join(cwd, "book.txt"));
  const book = read();
  writeFileSync(join(cwd, "book.txt"), "another cat sat on a mat. ".repeat(200));
  expect((await resume("train")).stderr).toMatch(
    /^train, config\.text\[0\]\.sha256: the run was begun with "[0-9a-f]{64}"; got "[0-9a-f]{64}"\. A file that its command reads was changed/,
  );
  rmSync(join(cwd, "book.txt"));
  expect(await resume("train")).toMatchObject({
    exitCode: 2,
    stderr: "book.txt: cannot be read; got no such file or folder (ENOENT).\n",
  });
  writeFileSync(join(cwd, "book.txt"), book);
});

test("another version, and a command that makes no run, are refused in a sentence", async () => {
  const manifest = JSON.parse(readFileSync(join(cwd, "train/manifest.json"), "utf8"));
  cpSync(join(cwd, "train"), join(cwd, "copy"), { recursive: true });
  const said = async (change: object) => {
    writeFileSync(join(cwd, "copy/manifest.json"), signed({ ...manifest, ...change }));
    const { exitCode, stderr } = await resume("copy");
    expect(exitCode).toBe(2);
    return stderr;
  };
  expect(await said({ versions: { ...manifest.versions, palimpsest: "0.0.9" } })).toMatch(
    /^copy, versions\.palimpsest: was made with palimpsest 0\.0\.9; got palimpsest \S+\. Install palimpsest 0\.0\.9\.\n$/,
  );
  expect(await said({ versions: { ...manifest.versions, node: "20.0.0" } })).toMatch(
    /^copy, versions\.node: was made with Node 20\.0\.0; got Node \S+\. Install Node 20\.0\.0\.\n$/,
  );
  expect(await said({ engine: "0".repeat(64) })).toMatch(
    /^copy, engine: was made with the kernels 0{64}; got /,
  );
  const makesNone = (words: string) =>
    `copy/manifest.json, command: command: must be one that makes a run; got "${words}".\n`;
  expect(await said({ command: ["studio", "--port", "8000"] })).toBe(makesNone("studio --port 8000"));
  expect(await said({ command: ["resume", "copy"] })).toBe(makesNone("resume copy"));
  expect(await said({ command: ["train", "--help"] })).toBe(makesNone("train --help"));
  expect(await said({ command: ["train", "--txt", "a"] })).toBe(
    'copy/manifest.json, command: palimpsest train: no such option; got "--txt". Nearest: "--text".\n',
  );
  // an --out in the command of a manifest leads nowhere: the folder is the one that was named
  expect(await said({ command: [...manifest.command, "--out", "elsewhere"], config: {} })).toMatch(
    /^copy, config/,
  );
  expect(await said({ command: null })).toBe(
    'copy: is interrupted and cannot be gone on with: its manifest has no command; got a run of "train".\n',
  );
});

test.each([
  ["nowhere", "nowhere/manifest.json: cannot be read; got no such file or folder (ENOENT).\n"],
  [
    "book.txt",
    "book.txt/manifest.json: cannot be read; got a file stands where a folder is needed (ENOTDIR).\n",
  ],
])("%s is no run", async (name, sentence) => {
  expect(await resume(name)).toMatchObject({ exitCode: 2, stdout: "", stderr: sentence });
});
