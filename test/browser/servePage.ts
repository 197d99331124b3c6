/** Bundles the tests' pages, and serves them on this machine only. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type UserConfig } from "tsdown";

const CONTENT_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Nothing from elsewhere, no `eval`; WebAssembly alone is allowed to be compiled. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:";

/** With these a page shares no process with others, and may have threads that share memory. */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const HTML = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Palimpsest in a page</title><link rel="icon" href="data:,"></head>
  <body><script type="module" src="page.js"></script></body>
</html>
`;

const root = join(import.meta.dirname, "../..");

/** Puts the page of workers.test.ts into `folder`. */
export async function buildPage(folder: string): Promise<void> {
  await bundle(folder, {
    page: join(import.meta.dirname, "page.ts"),
    worker: join(root, "src/cli/workers/worker.ts"),
  });
  copyFileSync(join(root, "fixtures/original/seed-42.json"), join(folder, "seed-42.json"));
}

/** Puts a page of one script into `folder`. @param script  absolute */
export async function bundlePage(folder: string, script: string): Promise<void> {
  await bundle(folder, { page: script });
}

/** Packages in whose place the page of onnx.test.ts gets something else, since they run in Node only. */
const STAND_INS: Record<string, string> = {
  vitest: join(import.meta.dirname, "vitestInPage.ts"),
  "onnxruntime-node": join(import.meta.dirname, "onnxRuntimeInPage.ts"),
};

/** Puts the page of onnx.test.ts into `folder`, and ONNX Runtime's own files into `ort` below it. */
export async function buildOnnxPage(folder: string): Promise<void> {
  await bundle(folder, { page: join(import.meta.dirname, "onnxPage.ts") }, [
    {
      name: "stand-ins",
      // a stand-in may itself import what it stands for
      resolveId: (name: string, importer?: string) =>
        importer === STAND_INS[name] ? null : (STAND_INS[name] ?? null),
    },
  ]);
  mkdirSync(join(folder, "ort"));
  for (const name of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs"])
    copyFileSync(fileURLToPath(import.meta.resolve(`onnxruntime-web/${name}`)), join(folder, "ort", name));
}

/** Bundles everything that the entries import, so that no name is left for a browser to resolve. */
async function bundle(
  folder: string,
  entry: Record<string, string>,
  plugins: UserConfig["plugins"] = [],
): Promise<void> {
  await build({
    config: false,
    entry,
    plugins,
    outDir: folder,
    format: "esm",
    platform: "browser",
    target: "es2022",
    fixedExtension: false,
    deps: { alwaysBundle: [/.*/], onlyBundle: false },
    dts: false,
    logLevel: "silent",
  });
  writeFileSync(join(folder, "index.html"), HTML);
}

/**
 * Serves the files that lie in `folder` and below it now, and no others, on a free port of the loopback.
 *
 * @param isolated  whether the browser is told to isolate the page (`crossOriginIsolated`)
 */
export async function serveFolder(
  folder: string,
  { isolated = false } = {},
): Promise<{ origin: string; close: () => Promise<void> }> {
  const files = new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [`/${relative(folder, file).split(sep).join("/")}`, readFileSync(file)]),
  );
  const server = createServer(({ url = "" }, response) => {
    const name = url === "/" ? "/index.html" : url;
    const body = files.get(name);
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": CONTENT_TYPES[extname(name)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
      ...(isolated ? ISOLATION : {}),
    });
    response.end(body);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
