import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** Floors: what each folder of src may import, besides itself. The table of ARCHITECTURE.md. */
const FLOORS: Record<string, readonly string[]> = {
  base: [],
  stats: ["base"],
  graph: ["base"],
  backends: ["graph", "base"],
  model: ["graph", "base"],
  data: ["base"],
  record: ["base"],
  train: ["model", "data", "graph", "record", "base"],
  pretrained: ["model", "data", "graph", "record", "base"],
  interp: ["model", "graph", "stats", "base"],
  features: ["interp", "train", "stats", "model", "data", "graph", "base"],
  figures: ["features", "interp", "stats", "model", "data", "graph", "base"],
  studies: ["figures", "features", "interp", "train", "stats", "model", "data", "record", "graph", "base"],
  cli: [
    "pretrained",
    "studies",
    "figures",
    "features",
    "interp",
    "train",
    "stats",
    "model",
    "data",
    "record",
    "backends",
    "graph",
    "base",
  ],
};
/** Who may name an executor: everything between receives a backend as an argument. */
const MAY_NAME_BACKENDS = ["backends", "cli"];
/** Folders that touch Node; all others run in a page. */
const NODE_FOLDERS = ["cli"];
const MAX_LINES = 500;
const DRAWERS = /^(utils?|helpers?|common|misc|shared)$/;

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src");

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) =>
        entry.isFile() && /\.(ts|mjs|js|svelte)$/.test(entry.name) && !/\.generated\./.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(file: string): string[] {
  const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"']+)["']/g)].map((match) => match[1]);
}

const files = filesOf(source);
const nameOf = (file: string) => relative(source, file);
const folderOf = (name: string) => name.split("/")[0];
const graph = new Map(
  files.map((file) => [
    nameOf(file),
    importsOf(file)
      .filter((target) => target.startsWith(".") && !target.endsWith("package.json"))
      .map((target) => nameOf(normalize(join(dirname(file), target)))),
  ]),
);

/** Import cycles, each as its files (Tarjan's strongly connected components). */
function cyclesOf(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string) => {
    index.set(file, index.size);
    low.set(file, index.get(file) as number);
    stack.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file) as number, low.get(next) as number));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1 || edges.get(file)?.includes(file)) cycles.push(group.sort());
  };
  for (const file of edges.keys()) if (!index.has(file)) visit(file);
  return cycles;
}

test("no import climbs from its floor", () => {
  const climbs = [...graph].flatMap(([file, targets]) =>
    targets
      .filter((target) => file !== "index.ts" && folderOf(target) !== folderOf(file))
      .filter((target) => !FLOORS[folderOf(file)]?.includes(folderOf(target)))
      .map((target) => `${file} imports ${target}`),
  );
  expect(climbs).toEqual([]);
});

test("no import leads to a file that is not there, and none goes in a circle", () => {
  const missing = [...graph].flatMap(([file, targets]) =>
    targets
      .filter((target) => !graph.has(target) && !/\.generated\.ts$/.test(target))
      .map((target) => `${file} imports ${target}`),
  );
  expect(missing).toEqual([]);
  expect(cyclesOf(graph)).toEqual([]);
  expect(
    cyclesOf(
      new Map([
        ["a", ["b"]],
        ["b", ["c"]],
        ["c", ["b"]],
      ]),
    ),
  ).toEqual([["b", "c"]]);
});

test("only the registry and the command line name an executor", () => {
  const named = [...graph].flatMap(([file, targets]) =>
    targets
      .filter((target) => target.startsWith("backends/") && !MAY_NAME_BACKENDS.includes(folderOf(file)))
      .map((target) => `${file} imports ${target}`),
  );
  expect(named.filter((line) => !line.startsWith("index.ts"))).toEqual([]);
});

test("the core touches no file, process, page, clock or global random source", () => {
  const forbidden =
    /\bfrom\s+"node:|\bprocess\.|\bdocument\.(?!createElement)|\bwindow\.|\bDate\.now|\bnew Date\b|\bperformance\.now|\bMath\.random|\bsetTimeout|\bsetInterval|\bfetch\(/;
  const found = files
    .filter((file) => !NODE_FOLDERS.includes(folderOf(nameOf(file))))
    .flatMap((file) => {
      const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
      return forbidden.test(code) ? [`${nameOf(file)}: ${forbidden.exec(code)?.[0]}`] : [];
    });
  expect(found).toEqual([]);
});

test("what decides a drawn number or a trained weight uses no transcendental function of the engine's own", () => {
  // `**` is Math.pow by another name; a power of two is exact
  const forbidden =
    /(?<!\b2 )\*\* |\bMath\.(exp|expm1|log|log1p|log2|log10|sin|cos|tan|tanh|sinh|cosh|pow|cbrt|hypot|atan2?|asin|acos)\b/;
  const deciding = files.filter((file) => /^(base|data|model|train|backends\/wasm)\//.test(nameOf(file)));
  const found = deciding.flatMap((file) => {
    const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    return forbidden.test(code) ? [`${nameOf(file)}: ${forbidden.exec(code)?.[0]}`] : [];
  });
  expect(found).toEqual([]);
});

test("the page imports the library below it and never the command line", () => {
  const page = filesOf(join(root, "studio/src"));
  expect(page.length).toBeGreaterThan(0);
  const strange = page.flatMap((file) =>
    importsOf(file)
      .filter((target) => target.startsWith("."))
      .map((target) => relative(root, normalize(join(dirname(file), target))))
      .filter((target) => !/^(studio\/src|src\/(?!cli\/))/.test(target) && target !== "package.json")
      .map((target) => `${relative(root, file)} imports ${target}`),
  );
  expect(strange).toEqual([]);
  expect(files.filter((file) => importsOf(file).some((target) => target.includes("studio/src/")))).toEqual(
    [],
  );
});

test("every file does one thing: none is over 500 lines, none is a drawer", () => {
  const all = ["src", "studio/src", "examples", "bench", "kernels/assembly"].flatMap((folder) =>
    filesOf(join(root, folder)),
  );
  const long = all.filter((file) => readFileSync(file, "utf8").split("\n").length > MAX_LINES + 1);
  expect(long.map((file) => relative(root, file))).toEqual([]);
  const folders = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(source, name)).isDirectory(),
  );
  expect(folders.filter((folder) => DRAWERS.test(folder.split("/").at(-1) as string))).toEqual([]);
});
