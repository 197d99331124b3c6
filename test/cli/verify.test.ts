/** `palimpsest verify` on runs that were written as commands write them, and then changed. */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRunFolder, type RunFolder } from "../../src/cli/runFolder.ts";
import { runResume } from "../../src/cli/runs/resume.ts";
import { isFault } from "../../src/cli/verify/checkedRun.ts";
import { checkMoving } from "../../src/cli/verify/checkMoving.ts";
import { lookAtRun } from "../../src/cli/verify/runAtHand.ts";
import { runVerify } from "../../src/cli/verify/verify.ts";
import { palimpsest } from "./harness.ts";

let cwd = "";
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const parts = {
  study: "trial",
  command: ["study", "trial"],
  config: { lr: 0.1 },
  versions: { palimpsest: "0.1.0" },
  engine: null,
};
const data = Uint8Array.from({ length: 100 }, (_, i) => (i * 37) % 256);

function begin(name = "run"): RunFolder {
  const date = () => new Date(0);
  const folder = createRunFolder({ study: "trial", out: name, cwd, date, manifest: parts, started: { cwd } });
  folder.journal.keep("work/a/1.state.safetensors", data);
  return folder;
}

/** A complete run of three files. */
function complete(name = "run"): string {
  const folder = begin(name);
  folder.write("data/rows.bin", data);
  folder.write("empty.txt", "");
  folder.write("report.html", "<p>");
  folder.commit({ ...parts, status: "complete" });
  return folder.path;
}

interface Said {
  run: string;
  status: string | null;
  verdict: string;
  files: { path: string; verdict: string; says?: string }[];
}

async function verify(...args: string[]) {
  const answer = await palimpsest(["verify", ...args], { handlers: { verify: runVerify }, io: { cwd } });
  return answer;
}

/** Exit code, what is said of the run, and of the files that are not simply sound. */
async function said(run = "run") {
  const { exitCode, stdout, stderr } = await verify(run, "--json", "--quiet");
  const { files, ...rest } = JSON.parse(stdout) as Said;
  const odd = files.filter(({ verdict }) => verdict !== "sound");
  return { exitCode, stderr, ...rest, odd, paths: files.map(({ path }) => path) };
}

const own = ["data/rows.bin", "empty.txt", "log.jsonl", "manifest.json", "report.html"];

test("a complete run is sound, and nothing of it is left unsaid", async () => {
  complete();
  expect(await said()).toEqual({
    ...{ exitCode: 0, stderr: "", run: "run", status: "complete", verdict: "sound" },
    ...{ odd: [], paths: own },
  });
  const { stdout } = await verify("run");
  expect(stdout).toBe("run: complete, sound: 5 of 5 files sound\n");
});

test("every changed byte of every file is found, and named with its file alone", async () => {
  const path = complete();
  for (const name of own) {
    const bytes = readFileSync(join(path, name));
    // every byte of data, every third of the texts: their check sums are tested byte by byte where they are made
    for (let at = 0; at < bytes.length; at += name.startsWith("data") ? 1 : 3) {
      const changed = Uint8Array.from(bytes);
      changed[at] ^= 1 << (at % 8);
      writeFileSync(join(path, name), changed);
      const { exitCode, stderr, odd } = await said();
      const faults = odd.filter(({ verdict }) => verdict === "damaged" || verdict === "missing");
      expect([name, at, exitCode, faults.map((fault) => fault.path)]).toEqual([name, at, 3, [name]]);
      expect(stderr).toMatch(new RegExp(`^run/${name.replace(".", "\\.")}: .+\\.\n$`));
    }
    writeFileSync(join(path, name), bytes);
  }
  expect((await said()).exitCode).toBe(0);
}, 30_000);

test("every file that is cut short or longer is found", async () => {
  const path = complete();
  for (const name of own) {
    const bytes = readFileSync(join(path, name));
    for (let length = 0; length < bytes.length; length += 7) {
      truncateSync(join(path, name), length);
      expect([name, length, (await said()).exitCode]).toEqual([name, length, 3]);
      writeFileSync(join(path, name), bytes);
    }
    appendFileSync(join(path, name), "\n");
    expect([name, (await said()).exitCode]).toEqual([name, 3]);
    writeFileSync(join(path, name), bytes);
  }
});

test("a missing file is missing, and what is strange is told and no fault", async () => {
  const path = complete();
  rmSync(join(path, "report.html"));
  writeFileSync(join(path, "notes.txt"), "mine");
  writeFileSync(join(path, "data/.rows.bin.tmp"), "x");
  const { exitCode, stderr, odd } = await said();
  expect([exitCode, stderr]).toEqual([3, "run/report.html: is missing.\n"]);
  expect(odd.map(({ path: name, verdict }) => [name, verdict])).toEqual([
    ["data/.rows.bin.tmp", "unlisted"],
    ["notes.txt", "unlisted"],
    ["report.html", "missing"],
  ]);
  writeFileSync(join(path, "report.html"), "<p>");
  expect(await said()).toMatchObject({ exitCode: 0, verdict: "sound", stderr: "" });
});

test.each([
  ["a folder", (file: string) => mkdirSync(file), "must be a file; got a folder"],
  [
    "a link out of the run",
    (file: string) => symlinkSync("/etc/hostname", file),
    "must be a file; got a link",
  ],
  ["a link to itself", (file: string) => symlinkSync("rows.bin", file), "must be a file; got a link"],
  ["empty", (file: string) => writeFileSync(file, ""), "must be 100 bytes long; got 0"],
  [
    "NUL-filled",
    (file: string) => writeFileSync(file, new Uint8Array(100)),
    /^must have SHA-256 [0-9a-f]{64}; got [0-9a-f]{64}$/,
  ],
])("a file that is %s costs only its own line", async (_, put, says) => {
  const path = complete();
  rmSync(join(path, "data/rows.bin"));
  put(join(path, "data/rows.bin"));
  const { exitCode, odd } = await said();
  expect(exitCode).toBe(3);
  expect(odd).toEqual([
    {
      path: "data/rows.bin",
      verdict: "damaged",
      says: typeof says === "string" ? says : expect.stringMatching(says),
    },
  ]);
});

test.runIf(process.getuid?.() !== 0)("a file that may not be read is a fault of its own", async () => {
  const path = complete();
  chmodSync(join(path, "report.html"), 0);
  expect((await said()).odd).toEqual([
    { path: "report.html", verdict: "damaged", says: "cannot be read; got no permission (EACCES)" },
  ]);
});

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");

test.each<[string, (file: string, text: string) => void, string]>([
  ["gone", (file) => rmSync(file), "is missing"],
  ["empty", (file) => writeFileSync(file, ""), "must not be empty; got 0 bytes"],
  ["NUL-filled", (file) => writeFileSync(file, new Uint8Array(64)), "byte 0: expected a JSON value"],
  ["marked", (file, text) => writeFileSync(file, `\ufeff${text}`), "byte 0: expected a JSON value"],
  ["in UTF-16", (file, text) => writeFileSync(file, utf16(text)), "must be UTF-8 text"],
  [
    "changed to CRLF",
    (file, text) => writeFileSync(file, text.replaceAll("\n", "\r\n")),
    "byte 1: must have the canonical text",
  ],
  ["another file", (file) => writeFileSync(file, '{"a": 1}'), "format: must be"],
])(
  "a manifest that is %s is damage where the log says that this is a run, else no run",
  async (_, change, says) => {
    const path = complete();
    const file = join(path, "manifest.json");
    change(file, readFileSync(file, "utf8"));
    const { exitCode, stderr } = await said();
    expect([exitCode, stderr.split("\n").length]).toEqual([3, 2]);
    expect(stderr).toContain(`run/manifest.json: ${says}`);
    rmSync(join(path, "log.jsonl"));
    const without = await verify("run", "--quiet");
    expect([without.stdout, without.stderr.split("\n").length]).toEqual([
      without.exitCode === 2 ? "" : expect.any(String),
      2,
    ]);
    // one whose text alone was changed still says what the run was
    expect(without.exitCode).toBe(says.includes("canonical") ? 3 : 2);
  },
);

test("what is no run is refused in a sentence, and the others are verified all the same", async () => {
  complete();
  mkdirSync(join(cwd, "empty"));
  mkdirSync(join(cwd, "other"));
  writeFileSync(join(cwd, "other/x.txt"), "");
  writeFileSync(join(cwd, "file"), "");
  symlinkSync("loop", join(cwd, "loop"));
  const sentences = {
    nowhere: "nowhere: cannot be opened as a run; got no such file or folder (ENOENT).\n",
    file: "file: must be a run folder; got a file.\n",
    empty: "empty: must be a run folder, with its manifest.json; got an empty folder.\n",
    other: 'other: must be a run folder, with its manifest.json; got a folder that holds "x.txt".\n',
    loop: "loop: cannot be opened as a run; got its links lead in a circle (ELOOP).\n",
  };
  for (const [name, sentence] of Object.entries(sentences))
    expect(await verify(name)).toMatchObject({ exitCode: 2, stdout: "", stderr: sentence });
  const { exitCode, stdout, stderr } = await verify("nowhere", "run", "--quiet");
  expect([exitCode, stdout, stderr]).toEqual([
    2,
    "nowhere: not verified\nrun: complete, sound: 5 of 5 files sound\n",
    sentences.nowhere,
  ]);
  expect(JSON.parse((await verify("empty", "run", "--json", "--quiet")).stdout).runs).toMatchObject([
    { run: "empty", verdict: "unreadable" },
    { run: "run", verdict: "sound" },
  ]);
});

test("a run that has not ended keeps states, which are checked like its files", async () => {
  const folder = begin();
  folder.journal.release();
  const part = "work/a/1.state.safetensors";
  expect(await said()).toMatchObject({
    ...{ exitCode: 0, status: "running", verdict: "sound", odd: [] },
    paths: ["log.jsonl", "manifest.json", part],
  });
  truncateSync(join(cwd, "run", part), 99);
  expect((await said()).odd).toEqual([
    { path: part, verdict: "damaged", says: "must be 100 bytes long; got 99" },
  ]);
  rmSync(join(cwd, "run", part));
  expect(await said()).toMatchObject({ exitCode: 3, odd: [{ path: part, verdict: "missing" }] });
});

test("files of a run that has not ended are not sealed yet, and no fault", async () => {
  const folder = begin();
  folder.write("data/rows.bin", data);
  folder.write("report.html", "<p>");
  const says = "the manifest lists its files when the run has ended";
  const odd = ["data/rows.bin", "report.html"].map((path) => ({ path, verdict: "unsealed", says }));
  expect(await said()).toMatchObject({ exitCode: 0, status: "running", verdict: "sound", odd, stderr: "" });
  const { stdout } = await verify("run", "--quiet");
  expect(stdout).toBe(`run: running, sound: 3 of 3 files sound\n  unsealed   2 files: ${says}\n`);
  folder.commit({ ...parts, status: "complete" });
  expect(await said()).toMatchObject({ exitCode: 0, status: "complete", odd: [] });
});

test("of a log that is damaged in the middle what it says before is held against the states, and no more", async () => {
  const folder = begin();
  folder.journal.keep("work/b/1.state.safetensors", data);
  folder.journal.keep("work/c/1.state.safetensors", data);
  folder.journal.drop(["work/a/1.state.safetensors"]);
  folder.log({ event: "measured" });
  folder.journal.release();
  const log = join(cwd, "run/log.jsonl");
  const bytes = readFileSync(log);
  const third = bytes.indexOf(0x0a, bytes.indexOf(0x0a, bytes.indexOf(0x0a) + 1) + 1) + 1;
  bytes[third + 30] ^= 1; // the record that keeps work/c
  writeFileSync(log, bytes);
  expect((await said()).odd).toEqual([
    {
      ...{ path: "log.jsonl", verdict: "damaged" },
      says: expect.stringMatching(new RegExp(`^byte ${third}, record 3: every line must agree`)),
    },
    {
      ...{ path: "work/a/1.state.safetensors", verdict: "unchecked" },
      says: "the damaged log says something else of it",
    },
    {
      ...{ path: "work/c/1.state.safetensors", verdict: "unchecked" },
      says: "only a whole log could say what it should be",
    },
  ]);
  const resumed = await palimpsest(["resume", "run"], { handlers: { resume: runResume }, io: { cwd } });
  expect(resumed.exitCode).toBe(2);
  expect(resumed.stderr).toMatch(
    /^run\/log\.jsonl, byte \d+, record 3: every line must agree with its check sum; got .*\. It cannot be gone on with: "palimpsest verify run" says which of its files are sound, up to the damage its kept states too\. Its command, which manifest\.json has, makes it anew with another --out; "palimpsest runs remove run" removes it\.\n$/,
  );
  expect(readFileSync(log)).toEqual(bytes);
});

test("where an entry of the manifest is what is damaged, its file is unchecked and not blamed", async () => {
  const file = join(complete(), "manifest.json");
  const text = readFileSync(file, "utf8");
  const says = "the damaged manifest says something else of it";
  // a digit of a length, and the first of a hash
  for (const change of [
    text.replace('"bytes": 100', '"bytes": 101'),
    text.replace(
      /("path": "data\/rows\.bin",\s+"sha256": ")(.)/,
      (_, before, digit) => `${before}${digit === "0" ? 1 : 0}`,
    ),
  ]) {
    expect(change).not.toBe(text);
    writeFileSync(file, change);
    const { exitCode, odd } = await said();
    expect([exitCode, odd[0]]).toEqual([3, { path: "data/rows.bin", verdict: "unchecked", says }]);
    expect(odd.slice(1).map(({ path, verdict }) => [path, verdict])).toEqual([["manifest.json", "damaged"]]);
  }
});

test("a run that goes on while it is read is none that is damaged", async () => {
  const folder = begin();
  folder.journal.keep("work/a/2.state.safetensors", data);
  const steps = [
    () => folder.journal.drop(["work/a/1.state.safetensors", "work/a/2.state.safetensors"]),
    () => folder.journal.keep("work/a/3.state.safetensors", data),
    () => folder.commit({ ...parts, status: "complete" }),
  ];
  const look = () => lookAtRun("run", cwd);
  const { signal } = new AbortController();
  const first = look();
  const { run, files } = await checkMoving(first, look, { signal, seen: () => steps.shift()?.() });
  expect(steps).toEqual([]);
  expect(run.manifest).toMatchObject({ value: { status: "complete" } });
  expect(files.map(({ path, verdict }) => [path, verdict])).toEqual([
    ["log.jsonl", "sound"],
    ["manifest.json", "sound"],
  ]);
});

test("of a run that never stands still, states that it dropped are left out, and what is damaged is told", async () => {
  const folder = begin();
  folder.journal.keep("work/b/1.state.safetensors", data);
  truncateSync(join(cwd, "run/work/b/1.state.safetensors"), 99);
  const state = (n: number) => `work/a/${n}.state.safetensors`;
  let n = 1;
  /** Another state is kept and the one before is dropped, whenever the run was looked at. */
  const look = () => {
    const run = lookAtRun("run", cwd);
    folder.journal.keep(state(n + 1), data);
    folder.journal.drop([state(n++)]);
    return run;
  };
  const { signal } = new AbortController();
  const { files } = await checkMoving(look(), look, { signal, seen: () => {} });
  folder.journal.release();
  expect(files.filter(isFault).map(({ path, verdict }) => [path, verdict])).toEqual([
    ["work/b/1.state.safetensors", "damaged"],
  ]);
});

test("the torn end of a log is what a kill leaves in a run that has not ended, and damage in one that has", async () => {
  begin().journal.release();
  appendFileSync(join(cwd, "run/log.jsonl"), '{"seq":2,"epo');
  const torn = await said();
  expect([torn.exitCode, torn.odd.map(({ path, verdict }) => [path, verdict])]).toEqual([
    0,
    [["log.jsonl", "torn"]],
  ]);
  expect(torn.odd[0].says).toMatch(
    /^byte \d+, record 2: the last 13 bytes are no whole record, as after a kill/,
  );
  // the first record is on the disk before there is a manifest
  writeFileSync(join(cwd, "run/log.jsonl"), new Uint8Array(64));
  expect(await said()).toMatchObject({
    exitCode: 3,
    odd: [{ path: "log.jsonl", verdict: "damaged" }, { verdict: "unchecked" }],
  });
  complete("ended");
  appendFileSync(join(cwd, "ended/log.jsonl"), '{"seq":2,"epo');
  expect(await said("ended")).toMatchObject({
    exitCode: 3,
    odd: [{ path: "log.jsonl", verdict: "damaged" }],
  });
});

test("a log that lost its last record, and a manifest that the log was not closed with, are found", async () => {
  const log = join(complete(), "log.jsonl");
  const lines = readFileSync(log, "utf8").split("\n");
  writeFileSync(log, `${lines.slice(0, -2).join("\n")}\n`);
  expect((await said()).odd).toEqual([
    {
      ...{ path: "log.jsonl", verdict: "damaged" },
      says: expect.stringMatching(
        /^byte \d+: the log of a run that has ended must end with the record that closes it; after a kill, resume writes it$/,
      ),
    },
  ]);
  complete("other");
  renameSync(join(cwd, "other/manifest.json"), join(cwd, "kept.json"));
  const folder = begin("third");
  folder.commit({ ...parts, status: "complete" });
  renameSync(join(cwd, "third/manifest.json"), join(cwd, "other/manifest.json"));
  const { exitCode, odd } = await said("other");
  expect(exitCode).toBe(3);
  expect(odd).toContainEqual({
    ...{ path: "manifest.json", verdict: "damaged" },
    says: expect.stringMatching(
      /^the log was closed with a manifest of SHA-256 [0-9a-f]{64}; got [0-9a-f]{64}$/,
    ),
  });
});

test("a run of format 1 is checked as far as it says what it should be", async () => {
  mkdirSync(join(cwd, "old"));
  const { command: _, ...fields } = parts;
  const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // of abc, FIPS 180-4
  const manifest = {
    ...{ format: "palimpsest run", formatVersion: 1, ...fields, status: "complete" },
    files: [{ path: "a.txt", bytes: 3, sha256: hash }],
  };
  writeFileSync(join(cwd, "old/manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(cwd, "old/log.jsonl"), '{"seq":0,"event":"started"}\n');
  writeFileSync(join(cwd, "old/a.txt"), "abc");
  expect(await said("old")).toMatchObject({
    exitCode: 0,
    odd: [
      { path: "log.jsonl", verdict: "unchecked" },
      { path: "manifest.json", verdict: "unchecked" },
    ],
  });
  writeFileSync(join(cwd, "old/a.txt"), "abd");
  expect(await said("old")).toMatchObject({ exitCode: 3, verdict: "damaged" });
  expect((await verify("old", "--rerun")).stderr).toBe(
    "old, --rerun: needs the command that made the run in its manifest; got a manifest of format 1, which has none.\n",
  );
});

test("only a complete run of what is installed is made again", async () => {
  begin().journal.release();
  expect((await verify("run", "--rerun")).stderr).toBe(
    'run, --rerun: needs a complete run; got one that is running. "palimpsest resume run" goes on with it.\n',
  );
  const folder = begin("other");
  folder.commit({ ...parts, status: "complete", versions: { palimpsest: "0.0.9" } });
  const { exitCode, stderr } = await verify("other", "--rerun");
  expect([exitCode, stderr]).toEqual([
    2,
    expect.stringMatching(
      /^other, --rerun: was made with palimpsest 0\.0\.9; got palimpsest \d\S+\. Install palimpsest 0\.0\.9\.\n$/,
    ),
  ]);
  const kernels = begin("kernels");
  kernels.commit({ ...parts, status: "complete", engine: "a".repeat(64) });
  expect((await verify("kernels", "--rerun")).stderr).toMatch(
    /^kernels, --rerun: was made with the kernels a{64}; got [0-9a-f]{64} in this palimpsest\./,
  );
});

test("how much was read is told while it is read", async () => {
  complete();
  const { stderr } = await verify("run");
  const lines = stderr.trim().split("\n");
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
    event: "progress",
    done: 1,
    bytes: 103,
    ofBytes: 103,
  });
});
