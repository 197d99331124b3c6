/** Links of a site that lead nowhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

/**
 * Walks every page.
 *
 * @returns `page: target` for each link or picture whose file, or whose anchor in it, is not there; links to other sites
 *          are not followed
 */
export function brokenLinks(site: string): string[] {
  const pages = readdirSync(site, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".html"),
  );
  const found = new Map(
    pages.map((path) => [path.replaceAll("\\", "/"), targetsOf(readFileSync(join(site, path), "utf8"))]),
  );
  return [...found].flatMap(([page, { links }]) =>
    links
      .filter((link) => {
        if (/^[a-z]+:/i.test(link)) return false;
        const [path, anchor] = link.split("#");
        const target = path === "" ? page : posix.join(posix.dirname(page), decodeURI(path));
        if (!found.has(target)) return !existsSync(join(site, target));
        return (
          anchor !== undefined && anchor !== "" && !found.get(target)?.anchors.has(decodeURIComponent(anchor))
        );
      })
      .map((link) => `${page}: ${link}`),
  );
}

function targetsOf(html: string): { links: string[]; anchors: ReadonlySet<string> } {
  // scripts and code hold no links of the page
  const shown = html.replace(/<script[\s\S]*?<\/script>/g, "");
  const all = (pattern: RegExp) =>
    [...shown.matchAll(pattern)].map((match) => match[1].replaceAll("&amp;", "&"));
  return {
    links: [...new Set(all(/<(?:a|link|img|script)\b[^>]*?\s(?:href|src)="([^"]*)"/g))],
    anchors: new Set(all(/\sid="([^"]*)"/g)),
  };
}
