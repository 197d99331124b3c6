/** Bundles the page and the worker, and serves them on this machine only. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { build } from "tsdown";

const CONTENT_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
};

/** Nothing from elsewhere, no `eval`; WebAssembly alone is allowed to be compiled. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:";

const HTML = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Palimpsest in a page</title><link rel="icon" href="data:,"></head>
  <body><script type="module" src="page.js"></script></body>
</html>
`;

const root = join(import.meta.dirname, "../..");

/** Puts the page's files into `folder`: everything bundled, so that no name is left for a browser to resolve. */
export async function buildPage(folder: string): Promise<void> {
  await build({
    config: false,
    entry: {
      page: join(import.meta.dirname, "page.ts"),
      worker: join(root, "src/cli/workers/worker.ts"),
    },
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
  copyFileSync(join(root, "fixtures/original/seed-42.json"), join(folder, "seed-42.json"));
}

/** Serves the files that lie in `folder` now, and no others, on a free port of the loopback. */
export async function serveFolder(folder: string): Promise<{ origin: string; close: () => Promise<void> }> {
  const files = new Map(readdirSync(folder).map((name) => [`/${name}`, readFileSync(join(folder, name))]));
  const server = createServer(({ url = "" }, response) => {
    const name = url === "/" ? "/index.html" : url;
    const body = files.get(name);
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": CONTENT_TYPES[extname(name)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
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
