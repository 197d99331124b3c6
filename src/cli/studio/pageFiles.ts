/** The files of the built page, read once: no request then ever names a file on the disk. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { FileError } from "../../base/errors.ts";

/** A file as it is served. */
export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Whether its name holds the hash of its content, so that a browser may keep it for good. */
  readonly hashed: boolean;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

/** As Vite names what it bundles: `assets/index-B4x_k9Qz.js`. */
const hashedName = /^assets\/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$/;

/** Where the build puts the page: beside the built command line. */
export const builtPage = fileURLToPath(new URL("./studio/", import.meta.url));

/** The page's own file as it is served: it says that there is a server to ask for runs. */
const servedIndex = (html: string) =>
  Buffer.from(
    html.replace('name="palimpsest-server" content="no"', 'name="palimpsest-server" content="yes"'),
  );

/**
 * The files of a folder by their paths, with slashes.
 *
 * @param folder  absolute
 * @throws FileError  if there is no page in it
 */
export function readPage(folder: string): ReadonlyMap<string, PageFile> {
  if (!existsSync(join(folder, "index.html")))
    throw new FileError({
      where: "palimpsest studio",
      rule: "the page has not been built",
      got: "no index.html in dist/studio",
      wayOut: "Run `npm run build` first.",
    });
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const path = relative(folder, file).split(sep).join("/");
      const type = types[extname(path)] ?? "application/octet-stream";
      const bytes = path === "index.html" ? servedIndex(readFileSync(file, "utf8")) : readFileSync(file);
      return [path, { bytes: new Uint8Array(bytes), type, hashed: hashedName.test(path) }];
    }),
  );
}
