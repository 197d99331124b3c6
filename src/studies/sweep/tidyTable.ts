/** A table as a Parquet file that is written in pieces: neither its rows nor its bytes are ever in memory as a whole. */
import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";

/** A column, and what a row has in it. */
export interface TidyColumn<Row> {
  readonly name: string;
  readonly type: "STRING" | "BOOLEAN" | "INT32" | "INT64" | "DOUBLE";
  readonly nullable: boolean;
  readonly of: (row: Row) => unknown;
}

/** A table that is being written. */
export interface TidyTable<Row> {
  add(row: Row): void;
  /** Writes what is left of it. */
  end(): void;
}

/** Rows of a piece: a row group of the file. */
const groupRows = 50_000;

/**
 * Begins a table, snappy-compressed; the same rows give the same bytes.
 *
 * @param append  takes the bytes of the file, piece by piece
 */
export function openTable<Row>(
  columns: readonly TidyColumn<Row>[],
  append: (bytes: Uint8Array) => void,
): TidyTable<Row> {
  const bytes = new ByteWriter();
  const flush = () => {
    append(bytes.getBytes().slice());
    bytes.index = 0;
  };
  const columnData = columns.map(({ name, type, nullable }): ColumnSource => {
    return { name, type, nullable, data: [] };
  });
  const file = new ParquetWriter({
    // called after each group and at the end
    writer: Object.assign(bytes, { flush, finish: flush }),
    ...{ createdBy: "palimpsest", schema: schemaFromColumnData({ columnData }) },
  });
  let rows: Row[] = [];
  const write = () => {
    // the types are in the schema
    file.write({
      columnData: columns.map(({ name, of }) => ({ name, data: rows.map(of) })),
      rowGroupSize: groupRows,
    });
    rows = [];
  };
  return {
    add: (row) => {
      rows.push(row);
      if (rows.length === groupRows) write();
    },
    end: () => {
      if (rows.length > 0) write();
      file.finish();
    },
  };
}
