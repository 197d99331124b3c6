/** What the command line reads before it knows what it is asked: reading packages takes longer than most commands do. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

/** Modules that a file needs before its own code is run: imports of types alone, and what is imported later, are left out. */
function neededBy(file: string): string[] {
  const statements = readFileSync(file, "utf8").matchAll(
    /^(?:import|export)\s+(?!type\b)(?:([^;"']*?)\s+from\s+)?["']([^"']+)["']/gm,
  );
  return [...statements].flatMap(([, names = "", module]) => {
    const inner = /^\{([^}]*)\}$/s.exec(names.trim())?.[1];
    const items = inner?.split(",").map((item) => item.trim()) ?? [];
    const isOfTypes = items.some(Boolean) && items.every((item) => item === "" || item.startsWith("type "));
    return isOfTypes ? [] : [module];
  });
}

/** Every file of the source and every package that an entry needs at once. */
function neededAtOnce(entry: string): { files: string[]; packages: string[] } {
  const files = new Set([join(source, entry)]);
  const packages = new Set<string>();
  for (const file of files)
    for (const module of neededBy(file))
      if (module.startsWith(".") && module.endsWith(".ts")) files.add(join(dirname(file), module));
      else if (!module.startsWith(".") && !module.startsWith("node:")) packages.add(module);
  return { files: [...files].map((file) => relative(source, file)), packages: [...packages].sort() };
}

test("the command line reads no package but that of its options, and draws nothing, before a command asks for it", () => {
  const { files, packages } = neededAtOnce("cli/index.ts");
  expect(files).toContain("cli/program.ts");
  expect(files).toContain("studies/emergence/plan.ts");
  expect(packages).toEqual(["commander"]);
  // of the drawings only words for numbers
  expect(files.filter((file) => file.startsWith("figures/"))).toEqual(["figures/numberText.ts"]);
});

test("what counts as needed is what the language reads", () => {
  const { files, packages } = neededAtOnce("figures/index.ts");
  expect(packages).toContain("@observablehq/plot");
  expect(files.length).toBeGreaterThan(20);
});
