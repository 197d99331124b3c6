import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSweepFile, yamlValue } from "../../../src/cli/sweep/readSweepFile.ts";
import { expandSweep } from "../../../src/studies/sweep/expand.ts";
import { parseSweep } from "../../../src/studies/sweep/spec.ts";
import { setting } from "../../studies/sweep/sample.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "palimpsest-sweep-file-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sweep = {
  sweep: "width and rate",
  seeds: 8,
  base: { preset: "causal", model: { dModel: 16 } },
  grid: { lr: [0.0001, 0.003], "model.dMlp": [32, 64] },
};
const yaml = `# a comment
sweep: width and rate
seeds: 8
base: {preset: causal, model: {dModel: 16}}
grid:
  lr: [1e-4, 0.003]
  model.dMlp:
    - 32
    - 64
`;

async function read(name: string, text: string | Uint8Array): Promise<unknown> {
  writeFileSync(join(folder, name), text);
  return readSweepFile(name, folder);
}
const refusal = async (name: string, text: string | Uint8Array) => {
  try {
    await read(name, text);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
};

test("YAML, JSON, TypeScript and JavaScript give the same sweep, a function that makes it too", async () => {
  const json = JSON.stringify(sweep);
  const types = 'import type { SweepFile } from "palimpsest/studies";\n';
  const files: [string, string][] = [
    ["s.yaml", yaml],
    ["s.yml", yaml],
    ["s.json", json],
    ["s.ts", `${types}const made: SweepFile = ${json};\nexport default made satisfies SweepFile;`],
    ["f.mts", `export default async (): Promise<object> => (${json});`],
    ["s.mjs", `export default ${json};`],
    ["f.js", `export default function () { return ${json}; }`],
  ];
  for (const [name, text] of files) {
    const value = await read(name, text);
    expect(value, name).toEqual(sweep);
    expect(parseSweep(value, name).title).toBe("width and rate");
  }
});

test("what is no file of a sweep is one sentence with its name, and where it went wrong", async () => {
  expect(await refusal("s.toml", "x")).toMatch(/^s\.toml: a sweep file's name ends in .*; got "\.toml"\./);
  expect(await refusal("e.yaml", "")).toMatch(/^e\.yaml: must not be empty/);
  expect(await refusal("b.yaml", "a: 1\na: 2\n")).toMatch(
    /^b\.yaml:2:1: must be YAML; got Map keys must be unique/,
  );
  expect(await refusal("b.yaml", "a: [1, 2\nb: 3")).toMatch(/^b\.yaml:\d+:\d+: must be YAML/);
  expect(await refusal("b.yaml", "a: !!js/function 'x'")).toMatch(
    /^b\.yaml:1:4: must be YAML; got Unresolved tag/,
  );
  expect(await refusal("b.yaml", "a: 1\n---\nb: 2")).toMatch(/^b\.yaml/);
  expect(await refusal("b.yaml", Uint8Array.of(0xff, 0xfe, 0x61, 0))).toMatch(/^b\.yaml: must be UTF-8/);
  expect(await refusal("b.json", '{"a": 1, "a": 2}')).toMatch(/^b\.json.*a/);
  expect(await refusal("t.ts", "export default nothing;")).toMatch(
    /^t\.ts: cannot be run; got ReferenceError/,
  );
  expect(await refusal("t.ts", "export default {")).toMatch(/^t\.ts: cannot be run/);
  expect(await refusal("t.mjs", "export default { sweep: () => 1 };")).toMatch(
    /^t\.mjs: must hold plain data; got .*function/,
  );
  await expect(readSweepFile("none.yaml", folder)).rejects.toThrow(
    /^none\.yaml: cannot be read; got no such file/,
  );
});

test("bombs are refused: aliases, depth in every style, and size", () => {
  const refused = (text: string) => {
    try {
      yamlValue(text, "b.yaml");
    } catch (error) {
      return (error as Error).message;
    }
    return "accepted";
  };
  const rows = Array.from({ length: 8 }, (_, i) => `k${i}: &k${i} [${`*k${i - 1},`.repeat(9)}]`).slice(1);
  expect(refused(`k0: &k0 [1,1,1,1,1,1,1,1,1]\n${rows.join("\n")}`)).toMatch(/Excessive alias count/);
  expect(refused("a: &a [*a]")).toMatch(/must hold plain data; got .*must not hold itself/);
  const deep = [
    ...["[".repeat(20_000), "{a: ".repeat(10_000), "- ".repeat(20_000), "? ".repeat(20_000)],
    Array.from({ length: 200 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
    "[\n".repeat(20_000),
  ];
  for (const text of deep) expect(refused(text), text.slice(0, 8)).toMatch(/may be nested 32 deep/);
  expect(refused(`a: "${"x".repeat(70_000)}"`)).toMatch(/may be 65536 characters long; got 70005/);
  // what a sweep needs is far from the limits
  expect(yamlValue(yaml, "s.yaml")).toEqual(sweep);
});

test("names that objects have by themselves are names like any other", () => {
  const value = yamlValue("__proto__: {polluted: 1}\nconstructor: 2\nsweep: x", "p.yaml");
  expect(Object.keys(value as object)).toEqual(["__proto__", "constructor", "sweep"]);
  expect(({} as { polluted?: number }).polluted).toBe(undefined);
  expect(() => parseSweep(value, "p.yaml")).toThrow(/p\.yaml/);
});

test("the sweeps of the examples are sweeps, of as many jobs as the document says", async () => {
  const examples = join(import.meta.dirname, "../../../examples/sweeps");
  const sizes: Record<string, number> = {};
  for (const name of readdirSync(examples))
    sizes[name] = expandSweep(
      parseSweep(await readSweepFile(name, examples), name),
      name,
      setting,
    ).jobs.length;
  // 4 rates × 3 widths; 40 draws; 3 depths × 2 widths and two studies that have neither
  expect(sizes).toEqual({ "depth.ts": 8, "search.yaml": 40, "widthAndRate.yaml": 12 });
  const document = readFileSync(join(examples, "../../docs/sweeps.md"), "utf8");
  for (const [name, jobs] of Object.entries(sizes))
    expect(document).toMatch(new RegExp(`${name}\\).*\\b${jobs} jobs`));
});

test("a program that only a manifest names is not run", async () => {
  const ran = join(folder, "ran");
  const program = `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(ran)}, "");\nexport default {};\n`;
  writeFileSync(join(folder, "foreign.mjs"), program);
  await expect(readSweepFile("foreign.mjs", folder, false)).rejects.toThrow(
    'foreign.mjs: is a program, which is run only where it is named on the command line. Give "palimpsest sweep foreign.mjs" again: what is done is found in the store.',
  );
  expect(existsSync(ran)).toBe(false);
});
