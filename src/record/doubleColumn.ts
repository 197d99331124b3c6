/**
 * One column of numbers out of a Parquet file as {@link measurementsToParquet} writes it.
 *
 * A reader for every Parquet file believes what a page says of itself: a run of 2^30 equal values is a byte, and memory
 * is gone. Files of strangers are read with this one, which takes only the encodings that are written here and checks
 * every length before anything is made of it.
 */
import { parquetMetadata, snappyUncompress } from "hyparquet";
import { deserializeTCompactProtocol } from "hyparquet/src/thrift.js";
import { FileError } from "../base/errors.ts";

/** How a column is read. */
export interface DoubleColumnOptions {
  /** For messages. */
  readonly file: string;
  readonly column: string;
  /** Most rows that are read. */
  readonly maxRows: number;
}

/** What a page's header says, checked. */
interface Page {
  readonly isDictionary: boolean;
  /** Values in the page. */
  readonly values: number;
  readonly encoding: number;
  /** Bytes of levels before the values. */
  readonly levels: number;
  /** Bytes of the values after they were unpacked. */
  readonly size: number;
  /** The values as they are stored. */
  readonly stored: Uint8Array;
}

// numbers of the format: PageType and Encoding of parquet.thrift
const [dictionaryPage, dataPageV2] = [2, 3];
const [plain, rleDictionary] = [0, 8];

const doubleBytes = 8;

/** Bits of the widest index that is read: dictionaries of 16 million values. */
const widestIndex = 24;

/**
 * The numbers of a column of doubles without gaps, in the order of the rows.
 *
 * @throws FileError for a file that is no Parquet, has more rows, no such column, a gap in it, or an encoding that
 *                   {@link measurementsToParquet} does not use
 */
export function readDoubleColumn(bytes: Uint8Array, options: DoubleColumnOptions): Float64Array {
  const { file, column, maxRows } = options;
  const refuse = (rule: string, got: string): never => {
    throw new FileError({ where: `${file}, column ${column}`, rule, got });
  };
  try {
    // the reader of the footer makes nothing that is longer than the footer
    const { num_rows, row_groups } = parquetMetadata(bytes, { geoparquet: false });
    const rows = Number(num_rows);
    if (!(rows >= 0 && rows <= maxRows)) refuse(`may have ${maxRows} rows`, String(num_rows));
    const out = new Float64Array(rows);
    let at = 0;
    for (const { columns } of row_groups) {
      const chunk = columns.find((one) => one.meta_data?.path_in_schema.join(".") === column)?.meta_data;
      if (chunk === undefined) return refuse("must be in every group of rows", "none");
      if (chunk.type !== "DOUBLE" || chunk.codec !== "SNAPPY")
        refuse("must hold doubles, packed with snappy", `${chunk.type}, ${chunk.codec}`);
      const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
      const end = start + Number(chunk.total_compressed_size);
      if (!(start >= 0 && end >= start && end <= bytes.length))
        refuse(`must lie in the file's ${bytes.length} bytes`, `[${start}, ${end}]`);
      at = readChunk(bytes.subarray(start, end), out, at);
    }
    if (at !== rows) refuse(`must have ${rows} values`, String(at));
    return out;
  } catch (error) {
    if (error instanceof FileError) throw error;
    return refuse("must be as palimpsest writes it", error instanceof Error ? error.message : String(error));
  }
}

/** A defect inside a page; its caller knows file and column. */
function damaged(message: string): never {
  throw new Error(message);
}

/** Reads the pages of a column in one group of rows to `out` from `at` on; returns where they end. */
function readChunk(chunk: Uint8Array, out: Float64Array, at: number): number {
  let dictionary = new Float64Array(0);
  let reached = at;
  for (let offset = 0; offset < chunk.length; ) {
    const reader = { view: new DataView(chunk.buffer, chunk.byteOffset, chunk.length), offset };
    const page = pageOf(deserializeTCompactProtocol(reader), chunk, reader.offset, out.length);
    offset = reader.offset + page.levels + page.stored.length;
    const unpacked = new Uint8Array(page.size);
    snappyUncompress(page.stored, unpacked);
    if (page.isDictionary) {
      dictionary = new Float64Array(page.values);
      doubles(unpacked, dictionary);
      continue;
    }
    if (reached + page.values > out.length) damaged(`more than ${out.length} values`);
    const part = out.subarray(reached, reached + page.values);
    if (page.encoding === plain) doubles(unpacked, part);
    else indexed(unpacked, dictionary, part);
    reached += page.values;
  }
  return reached;
}

/** What the header of a page says that begins at `start`; no page has more values than there are rows. */
function pageOf(
  header: ReturnType<typeof deserializeTCompactProtocol>,
  chunk: Uint8Array,
  start: number,
  rows: number,
): Page {
  const { field_1: type, field_2: unpacked, field_3: packed } = header;
  const isDictionary = type === dictionaryPage;
  const own = isDictionary ? header.field_7 : type === dataPageV2 ? header.field_8 : undefined;
  if (own === undefined) return damaged(`a page of type ${type}`);
  const { field_1: values } = own;
  const encoding = isDictionary ? own.field_2 : own.field_4;
  const levels = isDictionary ? 0 : own.field_5 + own.field_6;
  const isFine = (value: unknown, limit: number) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= limit;
  if (!isFine(values, rows)) damaged(`a page of ${values} values in ${rows} rows`);
  if (!isDictionary && own.field_2 !== 0) damaged(`${own.field_2} values that are none`);
  if (own.field_7 === false) damaged("a page that is not packed");
  if (encoding !== plain && (encoding !== rleDictionary || isDictionary))
    damaged(`a page in encoding ${encoding}`);
  if (!isFine(packed, chunk.length - start)) damaged(`a page of ${packed} bytes`);
  if (!isFine(levels, packed)) damaged(`levels of ${levels} bytes`);
  // an index takes at most four bytes, and runs of indices some bytes besides
  const size = unpacked - levels;
  if (!isFine(size, doubleBytes * values + 64)) damaged(`${values} values in ${unpacked} bytes`);
  if (encoding === plain && size !== doubleBytes * values) damaged(`${values} doubles in ${size} bytes`);
  const stored = chunk.subarray(start + levels, start + packed);
  return { isDictionary, values, encoding, levels, size, stored };
}

/** Float64 in the file's byte order, which is little-endian. */
function doubles(bytes: Uint8Array, out: Float64Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < out.length; i++) out[i] = view.getFloat64(doubleBytes * i, true);
}

/**
 * Values by their index: the width of an index in bits, then runs of equal indices (an even number, whose half is their
 * count) and groups of eight packed ones (an odd number, whose half is the count of groups).
 *
 * @source Parquet, "Run Length Encoding / Bit-Packing Hybrid"
 */
function indexed(bytes: Uint8Array, dictionary: Float64Array, out: Float64Array): void {
  let at = 0;
  const next = () => (at < bytes.length ? bytes[at++] : damaged("indices that end too early"));
  const width = out.length === 0 ? 0 : next();
  if (width > widestIndex) damaged(`indices of ${width} bits`);
  const put = (i: number, index: number) => {
    if (index >= dictionary.length) damaged(`index ${index} of ${dictionary.length}`);
    out[i] = dictionary[index];
  };
  for (let done = 0; done < out.length; ) {
    let head = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift > 28) damaged("a run that is too long");
      const byte = next();
      head += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const isPacked = head % 2 === 1;
    const groups = (head - 1) / 2;
    const end = Math.min(out.length, done + (isPacked ? 8 * groups : head / 2));
    if (end === done) damaged("a run of nothing");
    if (isPacked) {
      const from = at;
      let [bits, held] = [0, 0];
      for (; done < end; done++) {
        for (; held < width; held += 8) bits |= next() << held;
        put(done, bits & (2 ** width - 1));
        bits >>>= width;
        held -= width;
      }
      at = from + groups * width; // the last group is filled up
    } else {
      let index = 0;
      for (let shift = 0; shift < width; shift += 8) index += next() * 2 ** shift;
      for (; done < end; done++) put(done, index);
    }
  }
}
