/** Damaged safetensors files: small good ones, changed where a reader could be misled. Case k of a seed is always the same. */
import { type RandomStream, randomStream } from "../../src/base/random.ts";

/** A header's text and the number of data bytes behind it. */
type Draft = readonly [header: string, dataBytes: number];

const good: readonly Draft[] = [
  ['{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8],
  [
    '{"__metadata__":{"format":"pt","step":"640"},"w.0":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},' +
      '"b":{"dtype":"F16","shape":[3],"data_offsets":[24,30]},"n":{"dtype":"I64","shape":[],"data_offsets":[30,38]}}  ',
    38,
  ],
  [
    '{"mask":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"F64","shape":[1,1],"data_offsets":[1,9]},' +
      '"none":{"dtype":"BF16","shape":[0,7],"data_offsets":[9,9]}}',
    9,
  ],
  [
    '{"ünï":{"shape":[4],"data_offsets":[0,8],"dtype":"BF16","note":[1,{"y":null}]},"":{"dtype":"U8","shape":[1,1,3],"data_offsets":[8,11]}}',
    11,
  ],
];
/** The empty file has little to damage, so it comes up less often. */
const seeds: readonly Draft[] = [...good, ...good, ["{}", 0]];

const numbers = [
  ...[
    "0",
    "1",
    "2",
    "3",
    "4",
    "8",
    "9",
    "24",
    "-1",
    "-0",
    "02",
    "2.0",
    "2e0",
    "1e1",
    "0x2",
    "+2",
    "2.",
    ".5",
  ],
  ...["2147483647", "2147483648", "2147483649", "4294967296", "9007199254740993", "4611686018427387904"],
  ...[
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "NaN",
    "null",
    "true",
    '"2"',
    "[]",
    "{}",
    "[2]",
  ],
];
const dtypes = [
  ...["F32", "F64", "F16", "BF16", "I8", "U8", "BOOL", "I16", "U16", "I32", "U32", "I64", "U64", "C64"],
  ...["F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "f32", "F128", "", "F32 "],
];
const pieces = [
  ...[
    " ",
    "\n",
    "\t",
    "\r",
    "\v",
    "\f",
    "\u00a0",
    "\ufeff",
    "\0",
    ",",
    ":",
    '"',
    "{",
    "}",
    "[",
    "]",
    "\\",
    "/*x*/",
    "e",
  ],
  ...["\\u0000", "\\ud83d\\ude00", "\\ud800", "\\u12", "\\x", "\u007f", "\u2028", "__proto__"],
];
const extras = [
  ...[
    '"x":1',
    '"x":"\\ud800"',
    '"x":1e400',
    '"x":{"y":1,"y":2}',
    '"dtype":"F32"',
    '"shape":[2]',
    '"data_offsets":[0,8]',
  ],
  ...[120, 125, 126, 130].map((depth) => `"x":${"[".repeat(depth)}${"]".repeat(depth)}`),
];
const metadata = ["null", "{}", '{"a":"b"}', '{"a":"b","a":"c"}', '{"a":1}', '{"a":{"b":"c"}}', "[]", '"a"'];

/** Descriptions of the same bytes that the format allows, and a careful reader may not. */
const rewordings = [
  ['"BOOL","shape":[1]', '"F4","shape":[2]'],
  ['"BOOL","shape":[1]', '"F8_E5M2","shape":[1]'],
  ["[0,7]", "[0,2147483648]"],
  ["[0,7]", "[0,2147483649]"],
  ["[0,7]", "[0,4611686018427387904]"],
  ["[0,7]", "[4611686018427387904,4611686018427387904,0]"],
];

/** One of a list, drawn. */
export const pick = <T>(from: readonly T[], stream: RandomStream): T => from[stream.integer(from.length)];

/** The text with one match of a pattern replaced; as it is where nothing matches. */
function replaceOne(
  text: string,
  pattern: RegExp,
  stream: RandomStream,
  by: (found: string) => string,
): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const { 0: match, index } = pick(found, stream);
  return text.slice(0, index) + by(match) + text.slice(index + match.length);
}

const tensorPattern = /"[^"]*":\{"(?:dtype|shape)[^{}]*(?:\{[^{}]*\}[^{}]*)?\}/g;

/** Changes of the header as a text. */
const structural: readonly ((text: string, stream: RandomStream) => string)[] = [
  (text, stream) => replaceOne(text, /(?<=[[,])\d+(?=[\],])/g, stream, () => pick(numbers, stream)),
  (text, stream) =>
    replaceOne(text, /(?<="dtype":)"\w*"/g, stream, () => JSON.stringify(pick(dtypes, stream))),
  (text, stream) => replaceOne(text, /(?<="dtype":)"\w*"/g, stream, (dtype) => `{${dtype}:null}`),
  (text, stream) => replaceOne(text, tensorPattern, stream, (tensor) => `${tensor},${tensor}`),
  (text, stream) => replaceOne(text, tensorPattern, stream, () => '"q":["F32",[2],[0,8]]'),
  (text, stream) => replaceOne(text, /"\w+":(?:\[[\d,]*\]|"\w*"),?/g, stream, () => ""),
  (text, stream) =>
    replaceOne(text, /"[\w.]*"(?=:)/g, stream, () => pick(['"a"', '"dtype"', '"__metadata__"'], stream)),
  (text, stream) => replaceOne(text, /\{(?="(?:dtype|shape)")/g, stream, () => `{${pick(extras, stream)},`),
  (text, stream) =>
    replaceOne(text, /(?<="shape":)\[/g, stream, () => `[${"1,".repeat(pick([1, 14, 15, 16, 40], stream))}`),
  (text, stream) =>
    replaceOne(text, /^\{(?!\})/g, stream, () => `{"__metadata__":${pick(metadata, stream)},`),
  (text, stream) => replaceOne(text, /[{}[\],:]|$/g, stream, (token) => pick(pieces, stream) + token),
  (text, stream) => replaceOne(text, /(?<=")\w/g, stream, (letter) => pick(pieces, stream) + letter),
  (text, stream) =>
    replaceOne(text, /(?<=")[a-zA-Z]/g, stream, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
  (text, stream) =>
    replaceOne(text, /(?<=\[)(\d+),(\d+)(?=\])/g, stream, (pair) => pair.split(",").reverse().join()),
  (text, stream) => {
    const [from, to] = pick(rewordings, stream);
    return text.replace(from, to);
  },
  (text, stream) => pick([" ", "\n", "\ufeff", "  "], stream) + text,
  (text, stream) => text + pick([" ", "\n \t\r", "x", "\0", "{}", "\u00a0"], stream),
];

/** Changes of the file as bytes. */
export const bytewise: readonly ((bytes: Uint8Array, stream: RandomStream) => Uint8Array)[] = [
  (bytes, stream) => changed(bytes, stream, (byte) => byte ^ (1 << stream.integer(8))),
  (bytes, stream) => changed(bytes, stream, () => stream.integer(256)),
  (bytes, stream) => bytes.slice(0, stream.integer(bytes.length + 1)),
  (bytes, stream) => joined(bytes, new Uint8Array(stream.integer(4)).fill(pick([0, 32, 120], stream))),
  (bytes, stream) => {
    const at = stream.integer(bytes.length + 1);
    return joined(bytes.slice(0, at), Uint8Array.of(stream.integer(256)), bytes.slice(at));
  },
  (bytes, stream) => {
    const at = stream.integer(bytes.length + 1);
    return joined(bytes.slice(0, at), bytes.slice(at + 1 + stream.integer(8)));
  },
  (bytes, stream) => {
    const at = stream.integer(bytes.length + 1);
    return bytes.slice().fill(0, at, at + 1 + stream.integer(8));
  },
  (bytes, stream) => {
    const other = fileOf(pick(seeds, stream));
    return joined(
      bytes.slice(0, stream.integer(bytes.length + 1)),
      other.slice(stream.integer(other.length + 1)),
    );
  },
  (bytes, stream) => {
    const file = bytes.slice();
    const lengths = [
      0n,
      1n,
      BigInt(bytes.length - 8),
      100_000_001n,
      2n ** 53n + 1n,
      2n ** 63n,
      2n ** 64n - 1n,
    ];
    if (file.length >= 8) new DataView(file.buffer).setBigUint64(0, pick(lengths, stream), true);
    return file;
  },
];

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function changed(bytes: Uint8Array, stream: RandomStream, change: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes;
  const file = bytes.slice();
  const at = stream.integer(file.length);
  file[at] = change(file[at]);
  return file;
}

/** A file of a header and data, with the right length in front; the data are 0, 1, 2, …. */
export function fileOf([header, dataBytes]: Draft): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return joined(
    length,
    text,
    Uint8Array.from({ length: dataBytes }, (_, i) => i),
  );
}

/** Case `k` of a seed. */
export function mutant(seed: number, k: number): Uint8Array {
  return anyMutant(randomStream("safetensors mutants", seed, k));
}

/** Two in three are changed as a text, the others as bytes, some of either twice. */
export function anyMutant(stream: RandomStream): Uint8Array {
  let [header, dataBytes] = pick(seeds, stream);
  if (stream.integer(3) > 0) {
    for (let change = 1 + stream.integer(2); change > 0; change--)
      header = pick(structural, stream)(header, stream);
    return fileOf([header, dataBytes]);
  }
  let bytes = fileOf([header, dataBytes]);
  for (let change = 1 + stream.integer(2); change > 0; change--)
    bytes = pick(bytewise, stream)(bytes, stream);
  return bytes;
}
