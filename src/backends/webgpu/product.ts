/**
 * Matrix products: an einsum as tiles of up to 4 × 4 results, one tile a work item, kept in registers while the item
 * walks the summed axes in their order.
 */
import type { Node } from "../../graph/node.ts";
import { mergeAxes } from "../plan/strides.ts";
import { elementOf, type Scope } from "./expression.ts";
import { affine, type Strided } from "./indices.ts";
import type { Finish } from "./rows.ts";
import { plus, times, u, type Writer } from "./writer.ts";

/** Axes of one kind, merged, with the strides of both operands and of the result. */
interface Axes {
  readonly sizes: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly c: readonly number[];
  /** Product of the sizes. */
  readonly count: number;
}

/** How an operand is fetched: four neighbours along its own axis of the tile, along the summed one, or one by one. */
type Fetch = "own" | "inner" | "single";

/** An einsum as a product: rows of a, columns of b, axes side by side, and axes summed. */
export interface ProductPlan {
  /** The operand whose axes are rows, and the one whose axes are columns, which the result has last. */
  readonly a: Strided;
  readonly b: Strided;
  readonly batch: Axes;
  readonly rows: Axes;
  readonly columns: Axes;
  readonly inner: Axes;
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly fetchA: Fetch;
  readonly fetchB: Fetch;
  /** Whether four columns are stored at once. */
  readonly storesFours: boolean;
  readonly items: number;
}

const TILE = 4;

/**
 * Plan of an einsum whose operands are views of tensors.
 *
 * @param viewOf      each operand as a view of what has memory
 * @param sizeInFours whether the tensor that a node lies in is made of whole vectors
 * @param parallel    work items wanted: tiles get smaller where there would be fewer
 */
export function planProduct(
  node: Node<"einsum">,
  viewOf: (operand: Node) => Strided,
  { sizeInFours, parallel }: { sizeInFours: (base: Node) => boolean; parallel: number },
): ProductPlan {
  const { a: first, b: second, out } = node.attrs;
  const last = out[out.length - 1];
  const isSwapped = out.length > 0 && first.includes(last) && !second.includes(last);
  const operands = [
    { labels: first, view: viewOf(node.inputs[0]), shape: node.inputs[0].shape },
    { labels: second, view: viewOf(node.inputs[1]), shape: node.inputs[1].shape },
  ];
  const [a, b] = isSwapped ? operands.toReversed() : operands;
  const axesOf = (labels: readonly string[]): Axes => {
    const strideIn = ({ labels: own, view }: typeof a, label: string) =>
      own.includes(label) ? view.strides[own.indexOf(label)] : 0;
    const sizes = labels.map((label) =>
      a.labels.includes(label) ? a.shape[a.labels.indexOf(label)] : b.shape[b.labels.indexOf(label)],
    );
    const inResult = (label: string) => {
      const axis = out.indexOf(label);
      return axis < 0 ? 0 : node.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
    };
    const merged = mergeAxes({
      sizes,
      strides: [
        labels.map((label) => strideIn(a, label)),
        labels.map((label) => strideIn(b, label)),
        labels.map(inResult),
      ],
    });
    const count = sizes.reduce((product, size) => product * size, 1);
    return { sizes: merged.sizes, a: merged.strides[0], b: merged.strides[1], c: merged.strides[2], count };
  };
  const [inA, inB] = [a, b].map(
    ({ labels }) =>
      (label: string) =>
        labels.includes(label),
  );
  const rows = axesOf(out.filter((label) => inA(label) && !inB(label)));
  const columns = axesOf(out.filter((label) => inB(label) && !inA(label)));
  const batch = axesOf(out.filter((label) => inA(label) && inB(label)));
  const inner = axesOf(a.labels.filter((label) => !out.includes(label)));

  let [tileRows, tileColumns] = [Math.min(TILE, rows.count), Math.min(TILE, columns.count)];
  const itemsOf = () =>
    batch.count * Math.ceil(rows.count / tileRows) * Math.ceil(columns.count / tileColumns);
  while (itemsOf() < parallel && tileRows > 1) tileRows >>= 1;

  const inFours = (key: "a" | "b" | "c", own: Axes, others: readonly Axes[], start = 0) => {
    const end = own.sizes.length - 1;
    return (
      end >= 0 &&
      own[key][end] === 1 &&
      own.sizes[end] % TILE === 0 &&
      [start, ...own[key].slice(0, end), ...others.flatMap((axes) => axes[key])].every((n) => n % TILE === 0)
    );
  };
  const fetchOf = (key: "a" | "b", own: Axes, tile: number, { base, start }: Strided): Fetch => {
    if (!sizeInFours(base)) return "single";
    if (tile === TILE && inFours(key, own, [inner, batch], start)) return "own";
    return inFours(key, inner, [own, batch], start) ? "inner" : "single";
  };
  return {
    ...{ a: a.view, b: b.view, batch, rows, columns, inner, tileRows, tileColumns },
    fetchA: fetchOf("a", rows, tileRows, a.view),
    fetchB: fetchOf("b", columns, tileColumns, b.view),
    storesFours: tileColumns === TILE && inFours("c", columns, [rows, batch]),
    items: itemsOf(),
  };
}

/** Prints one tile. */
export function printProduct(scope: Scope, plan: ProductPlan, finish: Finish): void {
  const { writer } = scope;
  const { batch, rows, columns, inner, tileRows, tileColumns, fetchA, fetchB } = plan;
  const [rowTiles, columnTiles] = [Math.ceil(rows.count / tileRows), Math.ceil(columns.count / tileColumns)];
  const part = (index: string, below: number, count: number) => {
    const at = below === 1 ? index : writer.let(`${index} / ${u(below)}`);
    return count === 1 ? "0u" : writer.let(`${at} % ${u(count)}`);
  };
  const columnTile = part("item", 1, columnTiles);
  const rowTile = part("item", columnTiles, rowTiles);
  const side = part("item", columnTiles * rowTiles, batch.count);
  const rowAt = numbered(writer, rowTile, tileRows, rows.count);
  const columnAt = numbered(writer, columnTile, tileColumns, columns.count);

  const along = (axes: Axes, key: "a" | "b" | "c", index: string, start = 0) =>
    affine(writer, index, { sizes: axes.sizes, strides: axes[key], start });
  const baseA = along(batch, "a", side, plan.a.start);
  const baseB = along(batch, "b", side, plan.b.start);
  const fromA = (row: number) => writer.let(plus(baseA, along(rows, "a", rowAt[row])));
  const fromB = (column: number) => writer.let(plus(baseB, along(columns, "b", columnAt[column])));
  const startsA = (fetchA === "own" ? [0] : upTo(tileRows)).map(fromA);
  const startsB = (fetchB === "own" ? [0] : upTo(tileColumns)).map(fromB);

  const vector = tileColumns === 1 ? "f32" : `vec${tileColumns}f`;
  const sums = upTo(tileRows).map(() => writer.variable(`${vector}(0f)`));
  const unroll = fetchA === "inner" || fetchB === "inner" ? TILE : 1;
  const multiply = (offsetA: string, offsetB: string, strideA: number, strideB: number) => {
    const one = (base: Node, start: string, offset: string, by: number) =>
      elementOf(scope, base, writer.let(plus(start, offset, by === 0 ? "0u" : u(by))), 1);
    const four = (base: Node, start: string, offset: string, by: number) => {
      const index = plus(start, offset, by === 0 ? "0u" : u(by));
      return elementOf(scope, base, writer.let(index === "0u" ? index : `(${index}) / 4u`), TILE);
    };
    const walked = (fetch: Fetch, base: Node, starts: readonly string[], offset: string, stride: number) => {
      if (fetch === "inner") {
        const fours = starts.map((start) => four(base, start, offset, 0));
        return (k: number, i: number) => `${fours[i]}[${k}]`;
      }
      if (fetch === "own") {
        const fours = upTo(unroll).map((k) => four(base, starts[0], offset, k * stride));
        return (k: number, i: number) => `${fours[k]}[${i}]`;
      }
      const ones = upTo(unroll).map((k) => starts.map((start) => one(base, start, offset, k * stride)));
      return (k: number, i: number) => ones[k][i];
    };
    const valueA = walked(fetchA, plan.a.base, startsA, offsetA, strideA);
    const valueB = walked(fetchB, plan.b.base, startsB, offsetB, strideB);
    for (const k of upTo(unroll)) {
      const values = upTo(tileColumns).map((column) => valueB(k, column));
      const whole = values.every((value, i) => value === `${values[0].slice(0, -3)}[${i}]`);
      const right =
        tileColumns === 1
          ? values[0]
          : whole && tileColumns === TILE
            ? values[0].slice(0, -3)
            : writer.let(`${vector}(${values.join(", ")})`);
      upTo(tileRows).forEach((row) => {
        writer.line(`${sums[row]} = fma(${vector}(${valueA(k, row)}), ${right}, ${sums[row]});`);
      });
    }
  };
  const walk = (axis: number, offsetA: string, offsetB: string): void => {
    if (inner.sizes.length === 0) {
      multiply("0u", "0u", 0, 0);
      return;
    }
    const [size, strideA, strideB] = [inner.sizes[axis], inner.a[axis], inner.b[axis]];
    const isLast = axis === inner.sizes.length - 1;
    const k = `k${axis}`;
    const step = isLast ? unroll : 1;
    writer.block(`for (var ${k} = 0u; ${k} < ${u(size)}; ${k} += ${u(step)})`, () => {
      const [nextA, nextB] = [
        writer.let(plus(offsetA, times(k, strideA))),
        writer.let(plus(offsetB, times(k, strideB))),
      ];
      if (isLast) multiply(nextA, nextB, strideA, strideB);
      else walk(axis + 1, nextA, nextB);
    });
  };
  walk(0, "0u", "0u");
  storeTile(writer, plan, { side, rowTile, columnTile, rowAt, columnAt, sums }, finish);
}

/** Gives the sums of a tile to what follows, those outside the result left out. */
function storeTile(
  writer: Writer,
  plan: ProductPlan,
  tile: {
    side: string;
    rowTile: string;
    columnTile: string;
    rowAt: readonly string[];
    columnAt: readonly string[];
    sums: readonly string[];
  },
  finish: Finish,
): void {
  const { batch, rows, columns, tileRows, tileColumns, storesFours } = plan;
  const along = (axes: Axes, index: string, by: number) =>
    affine(writer, index, { sizes: axes.sizes, strides: axes.c.map((stride) => stride / by) });
  const inside = (tileIndex: string, at: number, size: number, count: number, body: () => void) => {
    if (count % size === 0 || at === 0) body();
    else writer.block(`if (${tileIndex} * ${u(size)} + ${u(at)} < ${u(count)})`, body);
  };
  const base = along(batch, tile.side, storesFours ? TILE : 1);
  for (const row of upTo(tileRows)) {
    inside(tile.rowTile, row, tileRows, rows.count, () => {
      if (storesFours) {
        const quarters = {
          sizes: columns.sizes.with(-1, columns.sizes[columns.sizes.length - 1] / TILE),
          strides: [...columns.c.slice(0, -1).map((stride) => stride / TILE), 1],
        };
        const column = affine(writer, tile.columnTile, quarters);
        const index = plus(base, along(rows, tile.rowAt[row], TILE), column);
        finish(writer.let(index), TILE, tile.sums[row]);
        return;
      }
      for (const column of upTo(tileColumns))
        inside(tile.columnTile, column, tileColumns, columns.count, () => {
          const index = plus(base, along(rows, tile.rowAt[row], 1), along(columns, tile.columnAt[column], 1));
          const sum = tileColumns === 1 ? tile.sums[row] : `${tile.sums[row]}[${column}]`;
          finish(writer.let(index), 1, sum);
        });
    });
  }
}

/** Numbers of the rows (or columns) of a tile; one that would lie outside is the last, and not stored. */
function numbered(writer: Writer, tile: string, size: number, count: number): string[] {
  return upTo(size).map((i) => {
    const at = plus(times(tile, size), i === 0 ? "0u" : u(i));
    return writer.let(count % size === 0 || i === 0 ? at : `min(${at}, ${u(count - 1)})`);
  });
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
