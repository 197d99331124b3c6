/** Markdown as HTML, with links that lead to pages of the site. */
import MarkdownIt from "markdown-it";
import { escapeHtml } from "../src/figures/index.ts";

/** The anchor that a heading gets on the usual forges. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The first heading of a text, without its marks. */
export function titleOf(markdown: string): string {
  return /^# (.+)$/m.exec(markdown)?.[1].replaceAll("`", "") ?? "Untitled";
}

/**
 * A text as HTML. HTML in it is shown as text, but for `<br>` and comments on lines of their own, which are left out.
 *
 * @param link  where a relative link or picture of the text leads, `#anchor` included
 */
export function markdownHtml(markdown: string, link: (target: string) => string): string {
  const parser = new MarkdownIt({ html: false });
  const { rules } = parser.renderer;
  rules.table_open = () => '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>\n';
  rules.table_close = () => "</table></div>\n";
  // tables have no other way to break a line
  rules.text = (tokens, i) => escapeHtml(tokens[i].content).replaceAll("&lt;br&gt;", "<br>");
  const tokens = parser.parse(markdown.replace(/^<!--[\s\S]*?-->\n/gm, ""), {});
  const anchors = new Map<string, number>();
  for (const [i, token] of tokens.entries()) {
    if (token.type === "heading_open") {
      const anchor = anchorOf(textOf(tokens[i + 1].children ?? []));
      const before = anchors.get(anchor) ?? 0;
      anchors.set(anchor, before + 1);
      token.attrSet("id", before === 0 ? anchor : `${anchor}-${before}`);
    }
    for (const child of token.children ?? []) {
      const attribute = { link_open: "href", image: "src" }[child.type];
      const target = attribute === undefined ? "" : String(child.attrGet(attribute) ?? "");
      if (attribute !== undefined && target !== "" && !/^([a-z]+:|#)/.test(target))
        child.attrSet(attribute, link(target));
    }
  }
  return parser.renderer.render(tokens, parser.options, {});
}

function textOf(tokens: readonly { type: string; content: string }[]): string {
  return tokens.map(({ type, content }) => (/^(text|code_inline)$/.test(type) ? content : "")).join("");
}
