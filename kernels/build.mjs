// Compiles the kernels twice, exact and with relaxed fused multiply-add, and writes both as one TypeScript module:
// base64 inside the bundle works alike in Node, in workers and in a page, with nothing to fetch.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/backends/wasm/kernels.generated.ts");
const flags = "-O3 --noAssert --runtime stub --importMemory --enable simd --enable bulk-memory".split(" ");

function readFile(name) {
  try {
    return readFileSync(join(here, "assembly", name), "utf8");
  } catch {
    return null; // the compiler tries several places
  }
}

async function compile(extra) {
  let binary;
  const writeFile = (name, contents) => {
    if (name.endsWith(".wasm")) binary = contents;
  };
  const options = ["run.ts", "--outFile", "kernels.wasm", ...flags, ...extra];
  const { error, stderr } = await asc.main(options, { readFile, writeFile });
  if (error) throw new Error(`kernels: ${error.message}\n${stderr.toString()}`);
  return Buffer.from(binary);
}

const exact = await compile([]);
const relaxed = await compile(["--enable", "relaxed-simd"]);
const lines = [
  "// Written by kernels/build.mjs from kernels/assembly; not committed.",
  `export const exactKernels = "${exact.toString("base64")}";`,
  `export const relaxedKernels = "${relaxed.toString("base64")}";`,
];
writeFileSync(target, `${lines.join("\n")}\n`);
console.log(`kernels: exact ${exact.length} bytes, relaxed ${relaxed.length} bytes`);
