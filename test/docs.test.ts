/** The documents say what is so: links, commands, tables and code in them are held to the repository. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { gradientRules } from "../src/graph/gradients.ts";
import { samples } from "../src/graph/samples.ts";
import { shapeRules } from "../src/graph/shapes.ts";
import { hookPoints } from "../src/model/hookPoints.ts";
import { decideClaims } from "../src/studies/persistence/claims.ts";
import { palimpsest } from "./cli/harness.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const skipped = new Set(["node_modules", "dist", "runs", "coverage", ".git"]);

function markdownUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : markdownUnder(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

const documents = markdownUnder(".");
const withoutFences = (text: string) => text.replace(/^```[\s\S]*?^```/gm, "");
/** Text after a heading up to the next one of its level or above. */
function section(path: string, heading: string): string {
  const text = read(path);
  const start = text.indexOf(`\n## ${heading}\n`);
  expect(start, `${path} has the heading ${heading}`).toBeGreaterThan(-1);
  const end = text.indexOf("\n## ", start + 4);
  return text.slice(start, end < 0 ? undefined : end);
}
/** Cells of the rows of the first table in a text, without its head. */
function tableRows(text: string): string[][] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith("|"));
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  return lines
    .slice(start + 2, length < 0 ? undefined : start + length)
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1));
}
const names = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
/** The anchor that a heading gets on the usual forges. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

test("the README is at most 150 lines long", () => {
  expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
});

test("every relative link leads to a file that is there, and to a heading of it", () => {
  expect(documents.length).toBeGreaterThan(5);
  const broken = documents.flatMap((path) =>
    [...withoutFences(read(path)).matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1])
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file, anchor] = target.split("#");
        const place = file === "" ? path : relative(root, join(root, dirname(path), file));
        if (!existsSync(join(root, place))) return true;
        if (anchor === undefined) return false;
        const headings = [...read(place).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1]));
        return !headings.includes(anchor);
      })
      .map((target) => `${path}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test("every palimpsest command in a document is one that the command line accepts", async () => {
  const commands = documents.flatMap((path) =>
    [...read(path).matchAll(/(?:npx |`)palimpsest ([^`\n]+)/g)].map((match) => ({
      path,
      // words as a shell takes them: what is in double quotes is one
      args: [...match[1].split(" && ")[0].matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word),
    })),
  );
  expect(commands.length).toBeGreaterThan(8);
  for (const { path, args } of commands) {
    const { exitCode, stderr, stdout } = await palimpsest(args);
    expect({ path, args, exitCode, stderr }).toEqual({ path, args, exitCode: 0, stderr: "" });
    expect(stdout).not.toBe("");
  }
});

test("every npm script in a document is one of the package's", () => {
  const { scripts } = JSON.parse(read("package.json"));
  const named = documents.flatMap(
    (path) =>
      // in a line of code or in backticks, not in a sentence about npm
      [...read(path).matchAll(/(?:^ {4}|`|&& )npm (?:run )?([a-z:]+)\b/gm)]
        .map((match) => ({ path, name: match[1] }))
        .filter(({ name }) => name !== "ci" && name !== "install"), // npm's own
  );
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter(({ name }) => scripts[name] === undefined)).toEqual([]);
});

test("code in the README, docs/library.md and docs/interp.md stands in an example that the tests run", () => {
  const examples = readdirSync(join(root, "examples"))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => read(`examples/${name}`));
  const blocks = ["README.md", "docs/library.md", "docs/interp.md"].flatMap((path) =>
    [...read(path).matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => ({ path, code: match[1].trim() })),
  );
  expect(blocks.length).toBeGreaterThan(4);
  const strange = blocks.filter(({ code }) => !examples.some((example) => example.includes(code)));
  expect(strange).toEqual([]);
});

test("the table of ops lists exactly the ops there are, each with the gradient it has", () => {
  const rows = tableRows(section("docs/engine.md", "Ops"));
  const listed = rows.map(([op]) => names(op)[0]);
  expect(listed).toEqual([...new Set(listed)]);
  expect([...listed].sort()).toEqual(Object.keys(shapeRules).sort());
  const leaves = ["constant", "input", "state"];
  expect([...Object.keys(samples), ...leaves].sort()).toEqual([...listed].sort());
  const gradients = Object.fromEntries(rows.map(([op, , , gradient]) => [names(op)[0], names(gradient)[0]]));
  const kinds = Object.entries(gradientRules).map(([op, how]) => [op, Object.keys(how)[0]]);
  expect(gradients).toEqual(Object.fromEntries(kinds));
});

test("the floors in ARCHITECTURE.md are those that the architecture test holds", () => {
  const listed = Object.fromEntries(
    tableRows(section("ARCHITECTURE.md", "Floors")).map(([folder, , may]) => [
      names(folder)[0],
      names(may).sort(),
    ]),
  );
  const source = /const FLOORS[^=]*= (\{[\s\S]*?\n\});/.exec(read("test/architecture.test.ts"))?.[1] ?? "";
  const held = Object.fromEntries(
    [...source.matchAll(/(\w+): \[([^\]]*)\]/g)].map(([, folder, may]) => [
      folder,
      [...may.matchAll(/"(\w+)"/g)].map((match) => match[1]).sort(),
    ]),
  );
  expect(Object.keys(held).length).toBeGreaterThan(10);
  expect(listed).toEqual(held);
});

test("the libraries in ARCHITECTURE.md are those that the package depends on", () => {
  const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(read("package.json"));
  const listed = tableRows(section("ARCHITECTURE.md", "Libraries")).flatMap(([library]) => names(library));
  const depended = { ...dependencies, ...optionalDependencies, ...peerDependencies };
  expect(listed.sort()).toEqual(Object.keys(depended).sort());
});

test("the claims and rules in docs/persistence.md are those that the study applies", () => {
  const rows = tableRows(section("docs/persistence.md", "Rules"));
  const held = decideClaims({ presets: [], selectivity: [] }).map(({ id, claim, rule }) => [
    `${id} ${claim}`,
    rule,
  ]);
  expect(rows).toEqual(held);
});

test("the glossary has every axis of the hook points, each once", () => {
  const listed = tableRows(section("GLOSSARY.md", "Axes")).map(([axis]) => names(axis)[0]);
  expect(listed).toEqual([...new Set(listed)]);
  const axes = new Set(hookPoints.flatMap(({ axes }) => axes as readonly string[]));
  expect([...axes].filter((axis) => !listed.includes(axis))).toEqual([]);
});
