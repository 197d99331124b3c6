/**
 * Plain data in one safetensors file: typed arrays are tensors named by their path, the rest is JSON in the metadata.
 *
 * What is read back is deep-equal to what was written, to the bit: −0, NaN with its payload inside typed arrays, members
 * that are undefined, the order of members, every array's own type. In the JSON, under the metadata key `value`, stand
 *
 *   {"$tensor": name}           a typed array
 *   {"$rows": name}             a list of typed arrays of one type and length, [item, element]
 *   {"$rows": name, "lengths"}  the same of several lengths, one after the other
 *   {"$numbers": name}          a long list of numbers
 *   {"$number": text}           NaN, Infinity, -Infinity, -0
 *   {"$undefined": true}        undefined
 *   {"$string": [unit, …]}      a string with half a surrogate pair, as UTF-16 code units
 *   {"$map": [[key, value], …]} a Map
 *   {"$object": [[key, value]]} an object with a key that begins with $ or holds half a surrogate pair
 *
 * and every other value as itself. A file is read as one from anybody: whatever is wrong with it is a FileError.
 */
import { ArgumentError, FileError, UserError } from "../base/errors.ts";
import {
  type AnyNumbers,
  dtypeOf,
  isAnyNumbers,
  isStoredDtype,
  numbersOf,
  type StoredDtype,
} from "./littleEndian.ts";
import { type AnyTensor, writeSafetensors } from "./safetensors.ts";
import { hardHeaderLimit, quoted, readSafetensorsHeader, type TensorPlace } from "./safetensorsHeader.ts";
import { parseStrictJson, type StrictJson, strictUtf8 } from "./strictJson.ts";

/** Key of the metadata under which the JSON stands. */
const valueKey = "value";
/** Tensor of bytes that holds the JSON where it is too long for a header. */
const longName = "$json";
/** Longest JSON in a header, in UTF-16 code units: with every character escaped it is below the reader's limit. */
const longestInHeader = 2 ** 20;
/** Numbers from which on a list is a tensor: fewer are easier to read in the JSON, and no longer there. */
const longList = 32;
/** Deepest nesting of values; a Map takes three levels of JSON. */
const deepest = 100;
/** What the reader of headers takes. */
const mostTensors = 200_000;

const finiteForms: readonly (readonly [string, number])[] = [
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0],
];

/** How a value is packed. */
export interface PackOptions {
  /** Shapes of typed arrays by their path, for whoever opens the file elsewhere; one axis unless given. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

/** A value as it is walked through: its tensors by name. */
interface Packing {
  readonly tensors: Map<string, AnyTensor>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

const illFormed = /\p{Surrogate}/u;

function refuse(path: string, rule: string, got: string): never {
  throw new ArgumentError({ where: `value at ${path === "" ? "the root" : path}`, rule, got });
}

/** Keeps an array under its path, or beside it where that is another's name. */
function keepTensor({ tensors }: Packing, path: string, tensor: AnyTensor): string {
  const wanted = path === "" ? valueKey : path.replace(/\p{Surrogate}/gu, "?");
  let name = wanted;
  for (let copy = 2; tensors.has(name) || name === "__metadata__" || name === longName; copy++)
    name = `${wanted}~${copy}`;
  if (tensors.size === mostTensors) refuse(path, `at most ${mostTensors} arrays fit into a file`, "more");
  tensors.set(name, tensor);
  return name;
}

/** Typed arrays of one type one after the other, [item, element] where they have one length. */
function packRows(packing: Packing, path: string, rows: readonly AnyNumbers[]): unknown {
  const lengths = rows.map((row) => row.length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const Kind = rows[0].constructor as new (length: number) => AnyNumbers;
  const data = new Kind(total);
  let at = 0;
  for (const row of rows) {
    (data as Float64Array).set(row as Float64Array, at);
    at += row.length;
  }
  const [length] = lengths;
  // rows without elements are counted in the JSON: an axis of a header could say any number of them
  const even = length > 0 && lengths.every((each) => each === length);
  const shape = even ? [rows.length, length] : [total];
  const name = keepTensor(packing, path, { shape, data });
  return even ? { $rows: name } : { $rows: name, lengths };
}

function packList(packing: Packing, path: string, list: readonly unknown[], depth: number): unknown {
  const [first] = list;
  if (isAnyNumbers(first)) {
    const dtype = dtypeOf(first);
    if (list.every((item) => isAnyNumbers(item) && dtypeOf(item) === dtype))
      return packRows(packing, path, list as readonly AnyNumbers[]);
  }
  if (list.length >= longList && list.every((item) => typeof item === "number")) {
    const data = Float64Array.from(list as readonly number[]);
    return { $numbers: keepTensor(packing, path, { shape: [data.length], data }) };
  }
  // Array.from also takes holes, as undefined
  return Array.from(list, (item, i) => packed(packing, join(path, String(i)), item, depth));
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

function packString(text: string): unknown {
  if (!illFormed.test(text)) return text;
  return { $string: Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)) };
}

function packMap(packing: Packing, path: string, map: ReadonlyMap<unknown, unknown>, depth: number): unknown {
  const pairs = Array.from(map, ([key, item], i) => [
    packed(packing, join(path, `${i}.key`), key, depth),
    packed(packing, join(path, typeof key === "object" ? String(i) : String(key)), item, depth),
  ]);
  return { $map: pairs };
}

function packObject(packing: Packing, path: string, value: object, depth: number): unknown {
  const members = Object.entries(value).map(
    ([key, member]) => [key, packed(packing, join(path, key), member, depth)] as const,
  );
  const plain = members.every(([key]) => !key.startsWith("$") && !illFormed.test(key));
  if (plain) return Object.fromEntries(members);
  return { $object: members.map(([key, member]) => [packString(key), member]) };
}

/** A value as JSON can hold it, its arrays kept as tensors. */
function packed(packing: Packing, path: string, value: unknown, depth: number): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return packString(value);
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number")
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $number: Object.is(value, -0) ? "-0" : String(value) };
  if (typeof value !== "object") refuse(path, "must be plain data", typeof value);
  if (isAnyNumbers(value)) {
    const shape = packing.shapes.get(path) ?? [value.length];
    return { $tensor: keepTensor(packing, path, { shape, data: value }) };
  }
  if (depth === deepest) refuse(path, `may be nested ${deepest} deep, and not hold itself`, "deeper");
  if (Array.isArray(value)) return packList(packing, path, value, depth + 1);
  if (value instanceof Map) return packMap(packing, path, value, depth + 1);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    refuse(path, "must be plain data", value.constructor?.name ?? "an object");
  return packObject(packing, path, value, depth + 1);
}

/**
 * The bytes of a safetensors file that holds a value: lists, objects, Maps, strings, any numbers, booleans, null,
 * undefined and typed arrays, of which 8-bit clamped ones and views of bytes as other things are no data.
 *
 * @param metadata  texts of the caller's own beside the value; the key `value` is taken
 * @throws ArgumentError  naming the path of what is no plain data (a function, a bigint, a class's object), or nested
 *                        more than 100 deep, as what holds itself is; for the key `value`
 * @throws ShapeError     if an array does not have the elements of a shape that was given for it
 */
export function packValue(
  value: unknown,
  metadata: Readonly<Record<string, string>> = {},
  { shapes = new Map() }: PackOptions = {},
): Uint8Array {
  if (Object.hasOwn(metadata, valueKey))
    throw new ArgumentError({ where: "metadata", rule: "the value itself has this key", got: valueKey });
  const packing: Packing = { tensors: new Map(), shapes };
  const json = JSON.stringify(packed(packing, "", value, 0));
  if (json.length <= longestInHeader)
    return writeSafetensors(packing.tensors, { metadata: { ...metadata, [valueKey]: json } });
  const data = new TextEncoder().encode(json);
  return writeSafetensors([...packing.tensors, [longName, { shape: [data.length], data }]], { metadata });
}

/** A file as it is read: tensors that no value has taken yet. */
interface Unpacking {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly places: Map<string, TensorPlace>;
}

function damaged(file: string, rule: string, got?: string): never {
  throw new FileError({ where: `${file}, ${valueKey}`, rule, got });
}

/** The numbers of a tensor, which nobody else takes: a short text must not ask for the same megabytes again and again. */
function takeTensor({ places, bytes, file }: Unpacking, name: StrictJson | undefined) {
  const place = typeof name === "string" ? places.get(name) : undefined;
  if (place === undefined || typeof name !== "string")
    return damaged(file, "must name a tensor of the file, each once", got(name));
  places.delete(name);
  if (!isStoredDtype(place.dtype))
    throw new FileError({
      where: `${file}, byte ${place.start}, tensor ${quoted(name)}`,
      rule: "must be of integers, F32 or F64",
      got: place.dtype,
    });
  const data: AnyNumbers = numbersOf<StoredDtype>(place.dtype, bytes.subarray(place.start, place.end));
  return { shape: place.shape, data };
}

const got = (value: StrictJson | undefined): string =>
  typeof value === "string"
    ? quoted(value)
    : value instanceof Map
      ? "an object"
      : Array.isArray(value)
        ? "a list"
        : String(value);

function isList(value: StrictJson | undefined): value is readonly StrictJson[] {
  return Array.isArray(value);
}

function unpackRows(unpacking: Unpacking, form: ReadonlyMap<string, StrictJson>): AnyNumbers[] {
  const { file } = unpacking;
  const { shape, data } = takeTensor(unpacking, form.get("$rows"));
  if (!form.has("lengths")) {
    const [count, length] = shape;
    if (shape.length !== 2 || length === 0)
      damaged(file, "rows of one length must be [item, element]", `[${shape.join(", ")}]`);
    return Array.from({ length: count }, (_, i) => data.slice(i * length, (i + 1) * length));
  }
  const lengths = form.get("lengths");
  if (!isList(lengths)) return damaged(file, "lengths must be a list", got(lengths));
  let at = 0;
  const rows = lengths.map((length) => {
    const end = typeof length === "bigint" && length >= 0n ? at + Number(length) : Number.NaN;
    if (!(end <= data.length)) damaged(file, "lengths must be those of the rows", got(length));
    const row = data.slice(at, end);
    at = end;
    return row;
  });
  if (at !== data.length) damaged(file, `lengths must add up to ${data.length}`, String(at));
  return rows;
}

function unpackPairs(unpacking: Unpacking, pairs: StrictJson | undefined): [unknown, unknown][] {
  const { file } = unpacking;
  if (!isList(pairs)) return damaged(file, "must be a list of pairs", got(pairs));
  return pairs.map((pair) => {
    if (!isList(pair) || pair.length !== 2) return damaged(file, "must be a pair", got(pair as StrictJson));
    return [unpacked(unpacking, pair[0]), unpacked(unpacking, pair[1])];
  });
}

/** The members of an object, whose keys are texts, each once. */
function objectOf(pairs: readonly (readonly [unknown, unknown])[], file: string): object {
  const keys = pairs.map(([key]) => (typeof key === "string" ? key : damaged(file, "a key must be a text")));
  if (new Set(keys).size < keys.length) damaged(file, "a key must be there once", "the same key twice");
  return Object.fromEntries(pairs);
}

function unpackString(units: StrictJson | undefined, file: string): string {
  const isUnit = (unit: StrictJson) => typeof unit === "bigint" && unit >= 0n && unit < 0x10000n;
  if (!isList(units) || !units.every(isUnit)) return damaged(file, "must be UTF-16 code units", got(units));
  return units.map((unit) => String.fromCharCode(Number(unit))).join("");
}

function unpackNumbers(unpacking: Unpacking, name: StrictJson | undefined): number[] {
  const { data } = takeTensor(unpacking, name);
  if (data instanceof Float64Array) return Array.from(data);
  return damaged(unpacking.file, "a list of numbers must be F64", dtypeOf(data));
}

/** What each form stands for; its keys are those of the module's list. */
const forms: Readonly<
  Record<string, (unpacking: Unpacking, form: ReadonlyMap<string, StrictJson>) => unknown>
> = {
  $tensor: (unpacking, form) => takeTensor(unpacking, form.get("$tensor")).data,
  $rows: unpackRows,
  $numbers: (unpacking, form) => unpackNumbers(unpacking, form.get("$numbers")),
  $number: ({ file }, form) => {
    const found = finiteForms.find(([name]) => name === form.get("$number"));
    return found === undefined ? damaged(file, "no such number", got(form.get("$number"))) : found[1];
  },
  $undefined: () => undefined,
  $string: ({ file }, form) => unpackString(form.get("$string"), file),
  $map: (unpacking, form) => new Map(unpackPairs(unpacking, form.get("$map"))),
  $object: (unpacking, form) => objectOf(unpackPairs(unpacking, form.get("$object")), unpacking.file),
};

/** The value behind its JSON. */
function unpacked(unpacking: Unpacking, json: StrictJson): unknown {
  if (typeof json === "bigint") return Number(json);
  if (json === null || typeof json !== "object") return json;
  if (isList(json)) return json.map((item) => unpacked(unpacking, item));
  const members = json as ReadonlyMap<string, StrictJson>;
  const [first] = members.keys();
  if (first?.startsWith("$")) {
    const most = first === "$rows" && members.has("lengths") ? 2 : 1;
    if (!Object.hasOwn(forms, first) || members.size !== most)
      damaged(unpacking.file, "no such form of a value", [...members.keys()].map(quoted).join(" "));
    return forms[first](unpacking, members);
  }
  const stray = [...members.keys()].find((key) => key.startsWith("$"));
  if (stray !== undefined) damaged(unpacking.file, "no such form of a value", quoted(stray));
  return Object.fromEntries([...members].map(([key, member]) => [key, unpacked(unpacking, member)]));
}

/** The JSON of a file, out of its metadata or, where it is long, out of its tensor. */
function jsonOf(unpacking: Unpacking, metadata: ReadonlyMap<string, string>): string {
  const { file, places } = unpacking;
  const short = metadata.get(valueKey);
  if (short !== undefined) return short;
  if (!places.has(longName))
    throw new FileError({ where: file, rule: "must hold a packed value", got: "none in its metadata" });
  const { data } = takeTensor(unpacking, longName);
  if (data instanceof Uint8Array) return strictUtf8(data, `${file}, ${longName}`);
  return damaged(file, "the JSON must be bytes", dtypeOf(data));
}

/**
 * The value of a file that {@link packValue} wrote, and the caller's metadata.
 *
 * @throws FileError naming the file and the byte or tensor: for every defect that a safetensors file can have, JSON that
 *                   is none or stands for no value, an array that is missing, named twice or not at all
 */
export function unpackValue(
  bytes: Uint8Array,
  file: string,
): { value: unknown; metadata: ReadonlyMap<string, string> } {
  const { places, metadata } = readSafetensorsHeader(bytes, { file, headerLimit: hardHeaderLimit });
  const unpacking: Unpacking = { file, bytes, places: new Map(places.map((place) => [place.name, place])) };
  const own = new Map(metadata);
  own.delete(valueKey);
  try {
    const text = jsonOf(unpacking, metadata);
    const json = parseStrictJson(text, { file: `${file}, ${valueKey}`, maxDepth: 3 * deepest + 8 });
    const value = unpacked(unpacking, json);
    const [left] = unpacking.places.keys();
    if (left !== undefined) damaged(file, "every tensor must be named", `${quoted(left)}, which is not`);
    return { value, metadata: own };
  } catch (error) {
    // what is too large for the machine, as a list of 2^31 rows would be
    if (error instanceof UserError || !(error instanceof RangeError)) throw error;
    throw new FileError({ where: file, rule: "must fit into memory", got: error.message });
  }
}
