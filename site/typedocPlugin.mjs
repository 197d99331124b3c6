/** What our docstrings have and typedoc's Markdown has not: formulas on lines of their own, and options by name. */
import { Converter } from "typedoc";

/** Lines that begin with two blanks or more and stand apart from the text before them. */
const formula = /(^|\n[ \t]*\n)((?: {2,}\S[^\n]*(?:\n|$))+)/g;

/** Marks formulas as code, which keeps their lines and signs. */
function setFormulas(part) {
  if (part.kind !== "text") return;
  part.text = part.text.replace(formula, (_, before, lines) => before + lines.replace(/^(?=.)/gm, "    "));
}

/** `@param` of something that is no parameter describes an option: it gets a heading and its name. */
function nameOptions(signature) {
  const names = new Set((signature.parameters ?? []).map(({ name }) => name));
  for (const tag of signature.comment?.blockTags ?? []) {
    if (tag.tag !== "@param" || tag.name === undefined || names.has(tag.name)) continue;
    tag.tag = "@option";
    tag.content = [{ kind: "code", text: `\`${tag.name}\`` }, { kind: "text", text: ": " }, ...tag.content];
    tag.name = undefined;
  }
}

/** Called by typedoc. */
export function load(app) {
  app.converter.on(
    Converter.EVENT_RESOLVE_BEGIN,
    (context) => {
      for (const reflection of Object.values(context.project.reflections)) {
        const { comment } = reflection;
        if (comment === undefined) continue;
        for (const part of [comment.summary, ...comment.blockTags.map(({ content }) => content)].flat())
          setFormulas(part);
        if (reflection.kindString === "Call signature" || "parameters" in reflection) nameOptions(reflection);
      }
    },
    1000, // before typedoc deals the tags out
  );
}
