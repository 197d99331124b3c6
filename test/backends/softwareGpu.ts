/** A graphics card for the tests where there is none: SwiftShader, which comes with every Chromium. */
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { afterAll } from "vitest";
import { type Gpu, openGpu } from "../../src/backends/webgpu/device.ts";
import { nodeGpu } from "../../src/backends/webgpu/nodeRuntime.ts";

const ICD = "vk_swiftshader_icd.json";
/** Where distributions keep Chromium's own files. */
const FOLDERS = [
  "/usr/lib/chromium",
  "/usr/lib/chromium-browser",
  "/usr/lib64/chromium",
  "/opt/google/chrome",
];

/** A device for the tests of a file, closed after them; or why there is none. */
export type TestGpu =
  | { readonly gpu: Gpu; readonly reason: null }
  | { readonly gpu: null; readonly reason: string };

/**
 * Opens SwiftShader: that of an installed Chromium, else that of the npm package @sparticuz/chromium. With
 * PALIMPSEST_TEST_CARD=1 the tests take the machine's own card instead.
 *
 * To be called once in a test file, outside of its tests: `const { gpu, reason } = await softwareGpu();`
 */
export async function softwareGpu(): Promise<TestGpu> {
  const scratch = mkdtempSync(join(tmpdir(), "palimpsest-swiftshader-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const ownCard = process.env.PALIMPSEST_TEST_CARD === "1";
  try {
    if (!ownCard) {
      const file = installed() ?? unpacked(scratch);
      // the loader of Vulkan looks at one or the other, when the first adapter is asked for
      process.env.VK_ICD_FILENAMES = file;
      process.env.VK_DRIVER_FILES = file;
    }
    const gpu = await openGpu({ load: nodeGpu, software: !ownCard });
    afterAll(() => gpu.close());
    return { gpu, reason: null };
  } catch (error) {
    if (ownCard) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    console.warn(`no software adapter: ${reason} Nothing was checked on WebGPU.`);
    return { gpu: null, reason };
  }
}

/** The description of SwiftShader beside an installed Chromium. */
function installed(): string | undefined {
  const programs = [
    process.env.CHROME_PATH ?? "",
    ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "chromium")),
  ];
  const folders = programs.flatMap((program) => (isFile(program) ? [dirname(realpathSync(program))] : []));
  return [...folders, ...FOLDERS].map((folder) => join(folder, ICD)).find(isFile);
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** Unpacks the npm package's archive of libraries, a compressed tar of plain files. */
function unpacked(scratch: string): string {
  const archive = new URL("../../node_modules/@sparticuz/chromium/bin/swiftshader.tar.br", import.meta.url);
  const bytes = brotliDecompressSync(readFileSync(archive));
  const text = (start: number, end: number) => bytes.toString("latin1", start, end).replace(/\0.*$/s, "");
  for (let at = 0; text(at, at + 100) !== ""; ) {
    const size = Number.parseInt(text(at + 124, at + 136), 8);
    const start = at + 512;
    writeFileSync(join(scratch, text(at, at + 100)), bytes.subarray(start, start + size));
    at = start + Math.ceil(size / 512) * 512;
  }
  return join(scratch, ICD);
}
