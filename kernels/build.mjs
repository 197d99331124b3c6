// Compiles the kernels for either memory layout, exact and with relaxed fused multiply-add, and writes all four as one
// TypeScript module: base64 inside the bundle works alike in Node, in workers and in a page, with nothing to fetch.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/backends/wasm/kernels.generated.ts");
const flags = "-O3 --noAssert --runtime stub --importMemory --enable simd --enable bulk-memory".split(" ");

/** What `import "./layout"` is in the sources: everything that depends on how elements lie in memory. */
const layoutFiles = (layout) =>
  ["layout", "gemm", "indexed"].map((file) => `export * from "./${layout}/${file}";`).join("\n");

async function compile(layout, extra) {
  let binary;
  const readFile = (name) => {
    if (name === "layout.ts") return layoutFiles(layout);
    try {
      return readFileSync(join(here, "assembly", name), "utf8");
    } catch {
      return null; // the compiler tries several places
    }
  };
  const writeFile = (name, contents) => {
    if (name.endsWith(".wasm")) binary = contents;
  };
  const options = ["run.ts", "--outFile", "kernels.wasm", ...flags, ...extra];
  const { error, stderr } = await asc.main(options, { readFile, writeFile });
  if (error) throw new Error(`kernels: ${error.message}\n${stderr.toString()}`);
  return Buffer.from(binary);
}

const modes = { exact: [], relaxed: ["--enable", "relaxed-simd"] };
const lines = ["// Written by kernels/build.mjs from kernels/assembly; not committed."];
for (const [mode, extra] of Object.entries(modes)) {
  const binaries = { lanes: await compile("lanes", extra), single: await compile("single", extra) };
  const texts = Object.entries(binaries).map(([layout, bytes]) => `${layout}: "${bytes.toString("base64")}"`);
  lines.push(`export const ${mode}Kernels = { ${texts.join(", ")} };`);
  console.log(
    `kernels: ${mode}, lanes ${binaries.lanes.length} bytes, single ${binaries.single.length} bytes`,
  );
}
writeFileSync(target, `${lines.join("\n")}\n`);
