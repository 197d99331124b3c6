import { execFileSync } from "node:child_process";
import {
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
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { type Checked, checkModels } from "../../src/cli/models/check.ts";
import { openFileSource, openModelFolder } from "../../src/cli/models/fileSource.ts";
import { readExactly } from "../../src/record/byteSource.ts";
import { writeSafetensors } from "../../src/record/safetensors.ts";
import { palimpsest } from "./harness.ts";

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  chmodSync(cwd, 0o755); // another user looks into it below
});
afterAll(() => rmSync(cwd, { recursive: true }));

/** Puts files into a folder of its own. */
function folder(name: string, files: Record<string, string | Uint8Array>): string {
  mkdirSync(join(cwd, name));
  for (const [file, content] of Object.entries(files)) writeFileSync(join(cwd, name, file), content);
  return name;
}

const handlers = { modelsCheck: checkModels };
const check = (...args: string[]) => palimpsest(["models", "check", ...args], { handlers, io: { cwd } });

/** The lines of `--json`. */
async function checked(...paths: string[]): Promise<{ exitCode: number; lines: Checked[] }> {
  const { exitCode, stdout, stderr } = await check(...paths, "--json");
  expect(stderr).toBe("");
  return {
    exitCode,
    lines: stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  };
}

/** Why each bad file of a check is bad; null for good ones. */
async function reasons(...paths: string[]): Promise<Record<string, string | null>> {
  const { lines } = await checked(...paths);
  return Object.fromEntries(lines.map((line) => [line.file, line.ok ? null : line.reason]));
}

const tensors = writeSafetensors([
  ["wte.weight", { shape: [2, 3], data: new Float32Array(6) }],
  ["steps", { shape: [], data: Int32Array.of(7) }],
]);
const one = (name: string) => writeSafetensors([[name, { shape: [1], data: Float32Array.of(1) }]]);
const index = (weightMap: Record<string, string>) => JSON.stringify({ metadata: {}, weight_map: weightMap });

test("a folder in order is good: a line for each file that a model is read from, exit code 0", async () => {
  const good = folder("good", {
    "model.safetensors": tensors,
    "config.json": '{"model_type": "gpt2"}',
    "tokenizer.json": '{"model": {"vocab": {"a": 0}}}',
    "README.md": "not read",
    "merges.txt": "not read",
  });
  mkdirSync(join(cwd, good, "onnx"));
  expect(await checked(good)).toEqual({
    exitCode: 0,
    lines: [
      { file: "good/config.json", ok: true, tensors: {} },
      {
        file: "good/model.safetensors",
        ok: true,
        tensors: { steps: { dtype: "I32", shape: [] }, "wte.weight": { dtype: "F32", shape: [2, 3] } },
      },
      { file: "good/tokenizer.json", ok: true, tensors: {} },
    ],
  });
  const { stdout, exitCode } = await check(good, "good/model.safetensors");
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    [
      "ok   good/config.json",
      "ok   good/model.safetensors  2 tensors, 7 numbers, F32, I32",
      "ok   good/tokenizer.json",
      "ok   good/model.safetensors  2 tensors, 7 numbers, F32, I32\n",
    ].join("\n"),
  );
});

test("the 113 golden files are checked in one go: a line each, those that are accepted with dtype and shape", async () => {
  const { cases } = JSON.parse(
    readFileSync(new URL("../fixtures/safetensors/verdicts.json", import.meta.url), "utf8"),
  ) as { cases: { name: string; b64: string; reference: { accept: boolean; tensors?: object } }[] };
  const file = (i: number) => `${String(i).padStart(3, "0")}.safetensors`;
  const golden = folder(
    "golden",
    Object.fromEntries(cases.map(({ b64 }, i) => [file(i), Buffer.from(b64, "base64")])),
  );
  const { exitCode, lines } = await checked(golden);
  expect(exitCode).toBe(2);
  expect(lines.map((line) => line.file)).toEqual(cases.map((_, i) => `golden/${file(i)}`));
  // which of the reference's 41 are refused here is the subject of safetensorsVerdicts.test.ts
  expect(lines.filter(({ ok }) => ok).length).toBe(31);
  for (const [i, line] of lines.entries()) {
    const { name, reference } = cases[i];
    if (!line.ok) {
      expect(line.reason, name).toMatch(/^golden\/\d{3}\.safetensors[,:] .*\.$/);
      continue;
    }
    expect(reference.accept, name).toBe(true);
    const found = Object.entries(line.tensors).map(([tensor, { dtype, shape }]) => [
      tensor.slice(0, 64),
      [dtype, shape],
    ]);
    expect(Object.fromEntries(found), name).toEqual(reference.tensors);
  }
});

test("bad files and missing ones have a sentence each, and none of them stops the others", async () => {
  folder("bad", {
    "empty.safetensors": "",
    "zeros.safetensors": new Uint8Array(4096),
    "text.safetensors": "safetensors, honestly",
    "utf16.safetensors": Buffer.from("\ufeff{}", "utf16le"),
    "cut.safetensors": tensors.subarray(0, tensors.length - 1),
    "pytorch_model.bin": "anything",
    "last.ckpt": "anything",
    "zz.safetensors": tensors,
  });
  for (const [link, target] of [
    ["loop", "loop.safetensors"],
    ["dangling", "nowhere"],
    ["link", "zz.safetensors"],
  ])
    symlinkSync(target, join(cwd, "bad", `${link}.safetensors`));
  mkdirSync(join(cwd, "bad", "folder.safetensors"));
  execFileSync("mkfifo", [join(cwd, "bad", "pipe.safetensors")]);
  const pickle = "PyTorch's .bin, .pt and .ckpt files are never read, because reading one can execute code.";
  const paths = [
    "bad",
    "missing",
    "bad/missing.safetensors",
    "bad/folder.safetensors",
    "/dev/null",
    "bad/zz.safetensors/x",
  ];
  expect(await reasons(...paths)).toEqual({
    "bad/cut.safetensors": expect.stringMatching(/^bad\/cut\.safetensors, byte \d+: the header accounts for/),
    "bad/dangling.safetensors":
      "bad/dangling.safetensors: cannot be read; got no such file or folder (ENOENT).",
    "bad/empty.safetensors": "bad/empty.safetensors: must be a safetensors file; got an empty file.",
    "bad/folder.safetensors": "bad/folder.safetensors: must be a file; got a folder.",
    "bad/last.ckpt": `bad/last.ckpt: ${pickle} Convert it to safetensors.`,
    "bad/link.safetensors": null,
    "bad/loop.safetensors": "bad/loop.safetensors: cannot be read; got its links lead in a circle (ELOOP).",
    "bad/pipe.safetensors": "bad/pipe.safetensors: must be a file; got a pipe or device.",
    "bad/pytorch_model.bin": `bad/pytorch_model.bin: ${pickle} Convert it to safetensors.`,
    "bad/text.safetensors":
      'bad/text.safetensors, byte 0: must be a safetensors file; got text, which begins "safetensors, honestly".',
    "bad/utf16.safetensors": "bad/utf16.safetensors, byte 0: must be a safetensors file; got text in UTF-16.",
    "bad/zeros.safetensors": expect.stringMatching(
      /the header must be an object, from its first byte on; got the end/,
    ),
    "bad/zz.safetensors": null,
    missing: "missing: cannot be read; got no such file or folder (ENOENT).",
    "bad/missing.safetensors":
      "bad/missing.safetensors: cannot be read; got no such file or folder (ENOENT).",
    "/dev/null": "/dev/null: must be a file; got a pipe or device.",
    "bad/zz.safetensors/x":
      "bad/zz.safetensors/x: cannot be read; got a file stands where a folder is needed (ENOTDIR).",
  });
  expect((await checked("bad")).exitCode).toBe(2);
  const { stdout } = await check("bad", "missing");
  expect(stdout.split("\n").filter((line) => line.startsWith("bad  ")).length).toBe(12);
});

test("a file that may not be read and an empty folder have a sentence", async () => {
  folder("locked", { "x.safetensors": tensors });
  chmodSync(join(cwd, "locked", "x.safetensors"), 0);
  // root may read everything
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  const found = await reasons("locked");
  if (root) process.seteuid?.(0);
  expect(found["locked/x.safetensors"]).toBe(
    "locked/x.safetensors: cannot be read; got no permission (EACCES).",
  );
  expect(await reasons(folder("none", { "README.md": "" }))).toEqual({
    none: "none: must hold files of a model: *.safetensors, config.json, tokenizer.json; got none of them.",
  });
});

test.each([
  ["config.json", '{"a": 1, "a": 2}', /byte 9: the same key twice/],
  ["config.json", '{"auto_map": {"AutoModel": "code.py"}}', /no file is ever run here/],
  ["config.json", "[]", /must hold an object/],
  ["config.json", "", /must be JSON; got an empty file/],
  ["config.json", "[".repeat(100_000), /may be nested 16 deep/],
  ["config.json", `{"a": "${" ".repeat(2 ** 20)}"}`, /may be 1048576 bytes long/],
  ["tokenizer.json", "version https://git-lfs.github.com/spec/v1", /must be JSON; got a Git LFS pointer/],
  ["tokenizer.json", "<!doctype html>", /must be JSON; got an HTML page/],
  ["tokenizer.json", '{"a": 1e400}', /range of float64/],
  ["tokenizer.json", Uint8Array.of(0x22, 0xff, 0x22), /must be UTF-8 text/],
  [
    "model.safetensors.index.json",
    index({ a: "../../secret.safetensors" }),
    /has no file "\.\.\/\.\.\/secret/,
  ],
  ["model.safetensors.index.json", index({ a: "gone.safetensors" }), /1 of 1 shards missing/],
  ["model.safetensors.index.json", '{"metadata": {}}', /weight_map/],
])("%s %# is refused with its reason", async (name, content, reason) => {
  const place = folder("json", { [name]: content });
  const { lines, exitCode } = await checked(`${place}/${name}`);
  expect(exitCode).toBe(2);
  expect(lines).toEqual([{ file: `${place}/${name}`, ok: false, reason: expect.stringMatching(reason) }]);
  rmSync(join(cwd, place), { recursive: true });
});

test("an index is good if every tensor lies in the file that it names, beside a single file too", async () => {
  const right = index({ a: "1.safetensors", b: "2.safetensors" });
  const shards = { "1.safetensors": one("a"), "2.safetensors": one("b"), "model.safetensors": tensors };
  folder("shards", { ...shards, "model.safetensors.index.json": right });
  expect((await checked("shards")).exitCode).toBe(0);
  const wrong = index({ a: "2.safetensors", b: "1.safetensors" });
  folder("mixed", { ...shards, "model.safetensors.index.json": wrong });
  expect(await reasons("mixed")).toEqual({
    "mixed/1.safetensors": null,
    "mixed/2.safetensors": null,
    "mixed/model.safetensors": null,
    "mixed/model.safetensors.index.json": expect.stringMatching(
      /is said to be in "2\.safetensors", where it is not/,
    ),
  });
});

test("names out of files and of files reach the terminal as escapes only, and JSON gives them back", async () => {
  const evil = "\u001b]0;title\u0007\u009b31m\u202e\u2028\n<img src=x>";
  const place = folder("evil", {
    [`${evil.replaceAll("/", "")}.safetensors`]: one(evil),
    "z.safetensors": `{${evil}`,
    "config.json": `{"${"\u009b"}": \u009b}`,
  });
  const { stdout: text } = await check(place);
  const { stdout: json } = await check(place, "--json");
  for (const printed of [text, json]) {
    expect(printed.trimEnd().split("\n").length).toBe(3);
    expect(printed.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
  }
  const names = (await checked(place)).lines.flatMap((line) => (line.ok ? Object.keys(line.tensors) : []));
  expect(names).toEqual([evil]);
});

test("a tensor called __proto__ is listed like any other", async () => {
  folder("proto", { "p.safetensors": one("__proto__") });
  const { stdout } = await check("proto", "--json");
  expect(stdout).toBe(
    '{"file":"proto/p.safetensors","ok":true,"tensors":{"__proto__":{"dtype":"F32","shape":[1]}}}\n',
  );
});

test("nothing to check is said, and help has the exit codes and examples", async () => {
  const nothing = await check();
  expect(nothing.exitCode).toBe(2);
  expect(nothing.stderr).toMatch(/^palimpsest models check: needs <file-or-folder>/);
  const { stdout, exitCode } = await check("--help");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("Exit code 0 if all are good, 2 if any is bad or missing.");
  expect(stdout).toContain("  palimpsest models check models/gpt2 models/pythia-70m --json");
});

test("an open file is read by range, whatever happens to its name, until it is closed", async () => {
  const path = join(cwd, "range");
  writeFileSync(
    path,
    Uint8Array.from({ length: 100 }, (_, i) => i),
  );
  const source = await openFileSource(path, "range");
  renameSync(path, `${path}.old`);
  expect([source.name, source.size]).toEqual(["range", 100]);
  expect([...(await source.read(10, 13))]).toEqual([10, 11, 12]);
  expect((await source.read(95, 1e9)).length).toBe(5);
  expect((await source.read(200, 300)).length).toBe(0);
  truncateSync(`${path}.old`, 50);
  await expect(readExactly(source, 40, 60)).rejects.toThrow(
    "range, byte 50: the 20 bytes from 40 on must be there; got 10 bytes.",
  );
  await source.close();
  await expect(source.read(0, 1)).rejects.toThrow(FileError);
});

test("a folder of a model opens its own files by name and nothing else", async () => {
  folder("own", { "a.json": "{}" });
  writeFileSync(join(cwd, "outside.json"), "{}");
  const own = await openModelFolder(join(cwd, "own"), "own");
  expect(own.names).toEqual(["a.json"]);
  for (const name of ["../outside.json", "./a.json", join(cwd, "outside.json"), "A.json", "a.json\0", ""])
    await expect(own.open(name), name).rejects.toThrow(/^own: has no such file/);
  const file = await own.open("a.json");
  expect([file.name, file.size]).toEqual(["own/a.json", 2]);
  await own.close();
  await expect(file.read(0, 2)).rejects.toThrow(FileError);
  await expect(openModelFolder(join(cwd, "nowhere"), "nowhere")).rejects.toThrow(
    "nowhere: cannot be read; got no such file or folder (ENOENT).",
  );
});
