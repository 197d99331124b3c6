// Compiles the kernels twice, exact and with relaxed fused multiply-add, and writes both as one TypeScript module:
// base64 inside the bundle works alike in Node, in workers and in a page, with nothing to fetch.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/backends/wasm/kernels.generated.ts");

async function compile(extra) {
  let binary;
  const flags = [
    "-O3",
    "--noAssert",
    "--runtime",
    "stub",
    "--importMemory",
    "--enable",
    "simd",
    "--enable",
    "bulk-memory",
    ...extra,
  ];
  const { error, stderr } = await asc.main(["run.ts", "--outFile", "kernels.wasm", ...flags], {
    readFile: undefined,
    writeFile: (name, contents) => {
      if (name.endsWith(".wasm")) binary = contents;
    },
    ...files(),
  });
  if (error) throw new Error(`kernels: ${error.message}\n${stderr.toString()}`);
  return Buffer.from(binary).toString("base64");
}

import { readFileSync } from "node:fs";

function files() {
  return {
    readFile: (name) => {
      try {
        return readFileSync(join(here, "assembly", name), "utf8");
      } catch {
        return null;
      }
    },
  };
}

const exact = await compile([]);
const relaxed = await compile(["--enable", "relaxed-simd"]);
mkdirSync(dirname(target), { recursive: true });
writeFileSync(
  target,
  `// Written by kernels/build.mjs from kernels/assembly; not committed.\n` +
    `export const exactKernels = "${exact}";\nexport const relaxedKernels = "${relaxed}";\n`,
);
console.log(
  `kernels: exact ${Math.round((exact.length * 3) / 4)} bytes, relaxed ${Math.round((relaxed.length * 3) / 4)} bytes`,
);
