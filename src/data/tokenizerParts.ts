/**
 * The steps of a tokenizer file, checked and written anew from what was understood.
 *
 * The library that runs them takes every field as it comes and reads some steps otherwise than the reference
 * implementation. So what reaches it is made here: fields of known steps with values in bounds, and steps that it reads
 * otherwise replaced by ones that it reads alike. What can be neither is refused: no token number is silently wrong.
 */
import type { JsonObject, JsonReader } from "./tokenizerJson.ts";
import { gpt2Pattern, isAcceptedPattern } from "./tokenizerPatterns.ts";

/** A step as the library takes it; null for none. */
export type Step = { readonly type: string; readonly [field: string]: unknown } | null;

/** Most steps in one row, and most rows within each other. */
const mostSteps = 32;
const deepestRow = 4;
/** Longest text that one replacement may put in, and how many times longer all steps together may make a text. */
const longestContent = 16;
const mostGrowth = 64;
/** Most bytes of a UTF-16 unit in UTF-8. */
const bytesOfUnit = 3;
/** ASCII and Unicode punctuation, as the reference implementation counts it. */
const punctuation = "[\\p{P}\\u0021-\\u002F\\u003A-\\u0040\\u005B-\\u0060\\u007B-\\u007E]";

/** What `\w` is to the reference implementation. */
const wordCharacters = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200C\\u200D";

const quote = (text: string) => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
const isolated = (pattern: string): Step => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});
/** Keeps what matches and nothing else. */
const matches = (pattern: string): Step => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Removed",
  invert: true,
});

/** Puts a text in place of whatever matches; `$&` in it stands for the match. */
const replaced = (pattern: string, content: string) => ({
  type: "Replace",
  pattern: { Regex: pattern },
  content,
});

/** Each character by itself: a sigma at the end of a word is one like any other. */
const lowercase = [replaced("Σ", "σ"), { type: "Lowercase" }];

/** What the reference implementation of BERT's normalizer takes out, makes a space of, and sets apart. */
const bertControls =
  "\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F\\u00AD\\u0600-\\u0605\\u061C\\u06DD\\u070F\\u180E" +
  "\\u200B-\\u200F\\u202A-\\u202E\\u2060-\\u2064\\u2066-\\u206F\\uE000-\\uF8FF\\uFEFF\\uFFF9-\\uFFFB\\uFFFD" +
  "\\u{110BD}\\u{1BCA0}-\\u{1BCA3}\\u{1D173}-\\u{1D17A}\\u{E0001}\\u{E0020}-\\u{E007F}\\u{F0000}-\\u{FFFFD}" +
  "\\u{100000}-\\u{10FFFD}";
const bertSpaces = "\\t\\n\\r\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000";
const bertIdeographs =
  "\\u3400-\\u4DBF\\u4E00-\\u9FFF\\uF900-\\uFAFF\\u{20000}-\\u{2A6DF}\\u{2A700}-\\u{2B81F}\\u{2B920}-\\u{2CEAF}" +
  "\\u{2F800}-\\u{2FA1F}";

/** Reads the steps of one file. */
export function stepReader(read: JsonReader) {
  let growth = 1;
  /** A step that may make a text so many times longer. */
  function grow(factor: number): void {
    growth *= factor;
    if (growth > mostGrowth) read.fail(`its steps may make a text ${mostGrowth} times longer`, growth);
  }

  function regex(pattern: unknown, name: string): string {
    const source = read.text(pattern, name, 2000);
    if (isAcceptedPattern(source)) return source;
    return read.fail(
      `${name} is not run: only the patterns of GPT-2, Llama 3, OLMo 2, Qwen, GPT-4o and Mistral are, and rows of single characters`,
      source,
    );
  }
  /** A pattern as a regular expression, and the fewest characters that it takes. */
  function pattern(value: unknown, name: string): { source: string; shortest: number } {
    const { String: literal, Regex } = read.object(value, name);
    if (literal === undefined) return { source: regex(Regex, name), shortest: 1 };
    const text = read.text(literal, name, 64);
    return text === ""
      ? read.fail(`${name} must not be empty`)
      : { source: quote(text), shortest: text.length };
  }
  function content(value: unknown, name: string): string {
    const text = read.text(value ?? "", name, longestContent);
    // the library gives the text to String.replaceAll, where a dollar is a command
    return text.includes("$") ? read.fail(`${name} must not hold a dollar sign`, text) : text;
  }
  function replacement(step: JsonObject, name: string): Step {
    const { source, shortest } = pattern(step.pattern, `${name} pattern`);
    const text = content(step.content, `${name} content`);
    grow(Math.max(1, text.length / shortest));
    return { type: "Replace", pattern: { Regex: source }, content: text };
  }
  function row(
    step: JsonObject,
    field: string,
    one: (value: unknown, depth: number) => Step,
    depth: number,
  ): Step {
    if (depth >= deepestRow) read.fail(`steps may be nested ${deepestRow} deep`);
    const steps = read
      .list(step[field], field, mostSteps)
      .map((value) => one(read.object(value, `a step of ${field}`), depth + 1));
    return { type: "Sequence", [field]: steps };
  }
  function unknown(kind: string, type: unknown): never {
    return read.fail(`this ${kind} is not supported`, type ?? null);
  }

  /** The library's own leaves characters beyond U+FFFF together and knows other controls. */
  function bertNormalizer(step: JsonObject): Step {
    const lower = read.flag(step.lowercase, "lowercase", true);
    return {
      type: "Sequence",
      normalizers: [
        ...(read.flag(step.clean_text, "clean_text", true)
          ? [replaced(`[${bertControls}]`, ""), replaced(`[${bertSpaces}]`, " ")]
          : []),
        ...(read.flag(step.handle_chinese_chars, "handle_chinese_chars", true)
          ? [replaced(`[${bertIdeographs}]`, " $& ")]
          : []),
        ...(read.flag(step.strip_accents, "strip_accents", lower)
          ? [{ type: "NFD" }, replaced("\\p{Mn}", "")]
          : []),
        ...(lower ? lowercase : []),
      ],
    };
  }

  function normalizer(value: unknown, depth = 0): Step {
    if (value === null || value === undefined) return null;
    const step = read.object(value, "normalizer");
    switch (step.type) {
      case "Sequence":
        return row(step, "normalizers", normalizer, depth);
      case "NFC":
      case "NFD":
      case "NFKC":
      case "NFKD":
      case "StripAccents":
        return { type: step.type };
      case "Lowercase":
        return { type: "Sequence", normalizers: lowercase };
      case "Prepend":
        return { type: "Prepend", prepend: read.text(step.prepend, "prepend", longestContent) };
      case "Replace":
        return replacement(step, "normalizer");
      case "BertNormalizer":
        return bertNormalizer(step);
      default:
        return unknown("normalizer", step.type);
    }
  }

  function split(step: JsonObject): Step {
    const { source } = pattern(step.pattern, "pre-tokenizer pattern");
    const invert = read.flag(step.invert, "invert", false);
    const literal = (step.pattern as JsonObject).String;
    const single = typeof literal === "string" && [...literal].length === 1 && literal.length === 1;
    const other = `[^${source}]`;
    if (!invert && step.behavior === "Isolated") return isolated(source);
    if (step.behavior === "Removed") return { ...(matches(source) as object), type: "Split", invert };
    if (!invert && single && step.behavior === "MergedWithPrevious")
      return matches(`${other}*${source}|${other}+`);
    if (!invert && single && step.behavior === "MergedWithNext")
      return matches(`${source}?${other}+|${source}`);
    return read.fail(
      `a split with invert ${invert} is not supported with this behaviour`,
      step.behavior ?? null,
    );
  }
  function metaspace(step: JsonObject): Step {
    const replacement = read.text(step.replacement ?? "▁", "replacement", 1);
    if (replacement === "") read.fail("replacement must not be empty");
    const first = read.flag(step.add_prefix_space, "add_prefix_space", true) ? "always" : "never";
    const scheme = step.prepend_scheme ?? first;
    if (!["always", "first", "never"].includes(scheme as string)) read.fail("no such prepend_scheme", scheme);
    const spaces: Step = { type: "Metaspace", replacement, prepend_scheme: scheme };
    if (!read.flag(step.split, "split", true)) return spaces;
    // the library does not split; words begin at the sign
    const words = matches(`${quote(replacement)}?[^${quote(replacement)}]+|${quote(replacement)}`);
    return { type: "Sequence", pretokenizers: [spaces, words] };
  }
  function byteLevel(step: JsonObject): Step {
    const prefix = read.flag(step.add_prefix_space, "add_prefix_space", true);
    const useRegex = read.flag(step.use_regex, "use_regex", true);
    // one after the other, each writes the signs of the one before as bytes again
    grow(bytesOfUnit);
    const bytes = { type: "ByteLevel", add_prefix_space: prefix };
    if (!useRegex) return { ...bytes, use_regex: false };
    // the built-in pattern counts other characters as white space than the reference implementation
    const words = [isolated(gpt2Pattern), { ...bytes, add_prefix_space: false, use_regex: false }];
    // not ^, which the library takes for the beginning of any line
    const before = replaced("(?<!\\p{Any})[^ ]", " $&");
    return { type: "Sequence", pretokenizers: prefix ? [before, ...words] : words };
  }
  function preTokenizer(value: unknown, depth = 0): Step {
    if (value === null || value === undefined) return null;
    const step = read.object(value, "pre_tokenizer");
    switch (step.type) {
      case "Sequence":
        return row(step, "pretokenizers", preTokenizer, depth);
      case "ByteLevel":
        return byteLevel(step);
      case "BertPreTokenizer":
        return { type: "BertPreTokenizer" };
      case "WhitespaceSplit":
        return matches("\\S+");
      case "Whitespace":
        return matches(`[${wordCharacters}]+|[^${wordCharacters}\\s]+`);
      case "Metaspace":
        return metaspace(step);
      case "Digits":
        return isolated(read.flag(step.individual_digits, "individual_digits", false) ? "\\p{N}" : "\\p{N}+");
      case "Punctuation":
        if ((step.behavior ?? "Isolated") === "Isolated") return isolated(punctuation);
        if (step.behavior === "Contiguous") return isolated(`${punctuation}+`);
        return read.fail("this behaviour of Punctuation is not supported", step.behavior);
      case "Split":
        return split(step);
      default:
        return unknown("pre-tokenizer", step.type);
    }
  }

  function decoder(value: unknown, depth = 0): Step {
    if (value === null || value === undefined) return null;
    const step = read.object(value, "decoder");
    switch (step.type) {
      case "Sequence":
        return row(step, "decoders", decoder, depth);
      case "ByteLevel":
      case "ByteFallback":
      case "Fuse":
        return { type: step.type };
      case "WordPiece":
        return {
          type: "WordPiece",
          prefix: content(step.prefix ?? "##", "decoder prefix"),
          cleanup: read.flag(step.cleanup, "cleanup", true),
        };
      case "Metaspace": {
        const sign = read.text(step.replacement ?? "▁", "replacement", 1);
        const kept = step.prepend_scheme === "never" || step.add_prefix_space === false;
        if (kept) return { type: "Replace", pattern: { Regex: quote(sign) }, content: " " };
        return { type: "Metaspace", replacement: sign };
      }
      case "Strip":
        return {
          type: "Strip",
          content: read.text(step.content, "content", 2),
          start: read.whole(step.start, "start", 16),
          stop: read.whole(step.stop, "stop", 16),
        };
      case "Replace":
        return replacement(step, "decoder");
      default:
        return unknown("decoder", step.type);
    }
  }

  /** @param idOf  number of a token; undefined if there is none */
  function postProcessor(value: unknown, idOf: (token: string) => number | undefined, depth = 0): Step {
    if (value === null || value === undefined) return null;
    const step = read.object(value, "post_processor");
    const token = (text: unknown, id: unknown): string => {
      const name = read.text(text, "special token", 256);
      return idOf(name) === id
        ? name
        : read.fail(`the special token ${JSON.stringify(name)} has another number`, id ?? null);
    };
    const pair = (entry: unknown): [string, number] => {
      const [text, id] = read.list(entry, "special token", 2);
      return [token(text, id), id as number];
    };
    switch (step.type) {
      case "Sequence":
        return row(step, "processors", (one, inner) => postProcessor(one, idOf, inner), depth);
      case "ByteLevel":
        return { type: "ByteLevel" };
      case "BertProcessing":
      case "RobertaProcessing":
        return { type: step.type, cls: pair(step.cls), sep: pair(step.sep) };
      case "TemplateProcessing": {
        const special = read.object(step.special_tokens, "special_tokens");
        const pieces = read.list(step.single, "single", mostSteps).map((value) => {
          const piece = read.object(value, "template");
          if (piece.Sequence !== undefined) return { Sequence: { id: "A", type_id: 0 } };
          const id = read.text(read.object(piece.SpecialToken, "template").id, "special token", 256);
          const { ids, tokens } = read.object(
            Object.hasOwn(special, id) ? special[id] : null,
            `special token ${JSON.stringify(id)}`,
          );
          const [only] = read.list(ids, "ids", 1);
          const [text] = read.list(tokens, "tokens", 1);
          return { SpecialToken: { id: token(text, only), type_id: 0 } };
        });
        if (pieces.filter((piece) => "Sequence" in piece).length !== 1)
          read.fail("a template must hold the text once");
        return { type: "TemplateProcessing", single: pieces };
      }
      default:
        return unknown("post-processor", step.type);
    }
  }

  return { normalizer, preTokenizer, decoder, postProcessor };
}

/** Whether a decoder, or a part of it, turns characters into bytes. */
export function writesBytes(step: Step): boolean {
  if (step === null) return false;
  return step.type === "ByteLevel" || ((step.decoders as Step[] | undefined)?.some(writesBytes) ?? false);
}
