/** Damaged JSON: small good texts, changed where a reader could be misled. Case k of a seed is always the same. */
import type { RandomStream } from "../../src/base/random.ts";
import { bytewise, pick } from "../../test/record/mutants.ts";

/** A value or a key of a JSON text. */
interface Span {
  readonly kind: "key" | "string" | "number" | "word" | "list" | "object";
  readonly start: number;
  readonly end: number;
}

/** A member of an object or an item of a list, with the comma that belongs to it where there is one. */
interface Member {
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

/** The places of a JSON text. */
interface Places {
  readonly spans: readonly Span[];
  readonly members: readonly Member[];
  readonly keys: readonly string[];
}

const token = /"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[a-zA-Z]+|[[\]{}:,]/gs;

/** Finds every value and member; a text that is no JSON has those that were found until it was none. */
export function placesOf(text: string): Places {
  const spans: Span[] = [];
  const members: Member[] = [];
  const keys: string[] = [];
  const open: { kind: "list" | "object"; start: number; member: number }[] = [];
  for (const found of text.matchAll(token)) {
    const [mark] = found;
    const start = found.index;
    const end = start + mark.length;
    const inside = open.at(-1);
    if (mark === "{" || mark === "[") {
      if (inside !== undefined && inside.member < 0) inside.member = start;
      open.push({ kind: mark === "{" ? "object" : "list", start, member: -1 });
    } else if (mark === "}" || mark === "]") {
      const closed = open.pop();
      if (closed === undefined) break;
      if (closed.member >= 0) members.push({ start: closed.member, end: start, isLast: true });
      spans.push({ kind: closed.kind, start: closed.start, end });
    } else if (mark === ",") {
      if (inside === undefined) break;
      members.push({ start: inside.member, end, isLast: false });
      inside.member = -1;
    } else if (mark !== ":") {
      if (inside !== undefined && inside.member < 0) inside.member = start;
      const isKey = mark[0] === '"' && inside?.kind === "object" && inside.member === start;
      if (isKey) keys.push(mark);
      const kind = isKey ? "key" : mark[0] === '"' ? "string" : /^[-0-9]/.test(mark) ? "number" : "word";
      spans.push({ kind, start, end });
    }
  }
  return { spans, members, keys };
}

const numbers = [
  ...["0", "1", "-1", "-0", "2", "3", "7", "16", "64", "255", "1000", "0.5", "1e-3", "1.0", "2e0", "1e400"],
  ...[
    "2147483648",
    "4294967296",
    "9007199254740993",
    "18446744073709551616",
    "1e308",
    "02",
    "NaN",
    "Infinity",
  ],
];
const values = [
  ...["null", "true", "false", '""', "[]", "{}", "[[]]", "[null]", '{"":null}', '"x"', '"0"', "undefined"],
  ...[
    '"\\u0000"',
    '"\\ud800"',
    '"__proto__"',
    '"constructor"',
    '"../x"',
    '"/etc/passwd"',
    '"con"',
    '"a\\nb"',
  ],
  ...[
    '"\\u202e"',
    '"\\u001b]0;x\\u0007"',
    '"<img src=x onerror=alert(1)>"',
    '{"$number":"NaN"}',
    '{"$map":[]}',
  ],
];
const hostileKeys = [
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '""',
  '"$number"',
  '"$tensor"',
  '"length"',
];
const pieces = [
  ...[
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    " ",
    "\n",
    "\u00a0",
    "\ufeff",
    "\0",
    "/**/",
    "'",
    "1",
    "-",
    "e",
  ],
];
const depths = [2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 126, 127, 128, 400];

const replaced = (text: string, { start, end }: { start: number; end: number }, by: string) =>
  text.slice(0, start) + by + text.slice(end);

function ofKind({ spans }: Places, stream: RandomStream, ...kinds: Span["kind"][]): Span | undefined {
  const fitting = spans.filter(({ kind }) => kinds.includes(kind));
  return fitting.length === 0 ? undefined : pick(fitting, stream);
}

type Change = (text: string, places: Places, stream: RandomStream, own: readonly string[]) => string;

const anyValue = ["string", "number", "word", "list", "object"] as const;

/** Changes of a text as JSON; each gives the text as it is where it finds nothing to change. */
const structural: readonly Change[] = [
  (text, places, stream) => {
    const span = ofKind(places, stream, "number");
    return span === undefined ? text : replaced(text, span, pick(numbers, stream));
  },
  // a value of the file's own language, such as another of its options
  (text, places, stream, own) => {
    const span = ofKind(places, stream, "string", "word", "number");
    return span === undefined ? text : replaced(text, span, pick(own, stream));
  },
  (text, places, stream) => {
    const span = ofKind(places, stream, ...anyValue);
    return span === undefined ? text : replaced(text, span, pick(values, stream));
  },
  (text, places, stream) => {
    const span = ofKind(places, stream, "key");
    const keys = stream.integer(2) === 0 ? hostileKeys : places.keys;
    return span === undefined ? text : replaced(text, span, pick(keys, stream));
  },
  // a member left out, with its comma
  (text, { members }, stream) => {
    if (members.length === 0) return text;
    const { start, end, isLast } = pick(members, stream);
    const before = isLast ? text.slice(0, start).replace(/,\s*$/, "") : text.slice(0, start);
    return before + text.slice(end);
  },
  // a member twice, or many times
  (text, { members }, stream) => {
    if (members.length === 0) return text;
    const { start, end, isLast } = pick(members, stream);
    const member = text.slice(start, isLast ? end : end - 1);
    return text.slice(0, start) + `${member},`.repeat(pick([1, 1, 2, 20], stream)) + text.slice(start);
  },
  // two values changed about
  (text, places, stream) => {
    const [a, b] = [ofKind(places, stream, ...anyValue), ofKind(places, stream, ...anyValue)];
    if (a === undefined || b === undefined) return text;
    const [first, second] = a.start <= b.start ? [a, b] : [b, a];
    if (second.start < first.end) return text;
    const changed = replaced(text, second, text.slice(first.start, first.end));
    return replaced(changed, first, text.slice(second.start, second.end));
  },
  (text, places, stream) => {
    const span = ofKind(places, stream, ...anyValue);
    if (span === undefined) return text;
    const depth = pick(depths, stream);
    const inside = text.slice(span.start, span.end);
    const [open, close] = pick(
      [
        ["[", "]"],
        ['{"x":', "}"],
      ],
      stream,
    );
    return replaced(text, span, open.repeat(depth) + inside + close.repeat(depth));
  },
  (text, places, stream) => {
    const span = ofKind(places, stream, "string", "key");
    if (span === undefined) return text;
    const at = span.start + 1 + stream.integer(span.end - span.start - 1);
    return (
      text.slice(0, at) + pick([...pieces, "\\u0000", "\\ud800", "x".repeat(300)], stream) + text.slice(at)
    );
  },
  (text, _, stream) => {
    const at = stream.integer(text.length + 1);
    return text.slice(0, at) + pick(pieces, stream) + text.slice(at);
  },
];

/** A text changed once or twice as JSON. @param own  values of the file's own language, as JSON */
export function jsonMutant(text: string, stream: RandomStream, own: readonly string[] = ["null"]): string {
  let changed = text;
  for (let change = 1 + stream.integer(2); change > 0; change--)
    changed = pick(structural, stream)(changed, placesOf(changed), stream, own);
  return changed;
}

/** A file changed once or twice as bytes, some of them safetensors lengths and the like. */
export function byteMutant(bytes: Uint8Array, stream: RandomStream): Uint8Array {
  let changed = bytes;
  for (let change = 1 + stream.integer(2); change > 0; change--)
    changed = pick(bytewise, stream)(changed, stream);
  return changed;
}

const encoder = new TextEncoder();

/** Two in three changed as JSON, the others as bytes. */
export function jsonFileMutant(
  text: string,
  stream: RandomStream,
  {
    own,
    mended = (changed) => changed,
  }: { own?: readonly string[]; mended?: (changed: string) => string } = {},
): Uint8Array {
  if (stream.integer(3) === 0) return byteMutant(encoder.encode(text), stream);
  return encoder.encode(mended(jsonMutant(text, stream, own)));
}
