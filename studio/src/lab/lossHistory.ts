/** The training losses of a run, as they come: a column for every model, which is read without a copy. */

/** Room for this many updates at first, and twice as many whenever it is used up. */
const FIRST_ROOM = 256;

/** Losses of some models, [model][update] in nats. */
export class LossHistory {
  /** Updates. */
  length = 0;
  #columns: Float64Array[];

  /** @param rows  [update][model] */
  constructor(models: number, rows: readonly ArrayLike<number>[] = []) {
    this.#columns = Array.from({ length: models }, () => new Float64Array(FIRST_ROOM));
    this.add(rows);
  }

  /** Adds further updates, [update][model]. */
  add(rows: readonly ArrayLike<number>[]): void {
    const end = this.length + rows.length;
    let room = this.#columns[0].length;
    while (room < end) room *= 2;
    this.#columns = this.#columns.map((column, model) => {
      const out = room === column.length ? column : new Float64Array(room);
      if (out !== column) out.set(column);
      rows.forEach((of, update) => {
        out[this.length + update] = of[model];
      });
      return out;
    });
    this.length = end;
  }

  /** The first updates, [model][update]: views, which further updates do not change. */
  first(count: number): Float64Array[] {
    return this.#columns.map((column) => column.subarray(0, Math.min(count, this.length)));
  }

  /** A history that begins with the first updates of this one and goes its own way. */
  forked(count: number): LossHistory {
    const made = new LossHistory(this.#columns.length);
    made.#columns = this.first(count).map((column) => {
      const own = new Float64Array(Math.max(FIRST_ROOM, column.length));
      own.set(column);
      return own;
    });
    made.length = Math.min(count, this.length);
    return made;
  }
}
