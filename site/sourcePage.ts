/** A file of the repository, or the list of a folder's, as a page: where the documents point to code. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { escapeHtml } from "../src/figures/index.ts";

/**
 * The body of the page of a file or folder.
 *
 * @param link  from this page to that of another file of the repository
 */
export function sourceBody(root: string, file: string, link: (file: string) => string): string {
  const path = join(root, file);
  const heading = `<h1><code>${escapeHtml(file)}</code></h1>`;
  if (!statSync(path).isDirectory())
    return `${heading}\n<pre tabindex="0"><code>${escapeHtml(readFileSync(path, "utf8"))}</code></pre>`;
  const items = readdirSync(path)
    .sort()
    .map(
      (name) =>
        `<li><a href="${escapeHtml(link(`${file}/${name}`))}"><code>${escapeHtml(name)}</code></a></li>`,
    );
  return `${heading}\n<ul>${items.join("\n")}</ul>`;
}
