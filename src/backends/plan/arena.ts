/** Scratch memory of a program: every intermediate gets a place for as long as somebody still reads it. */

/** Hands out element ranges of one growing block, the best fit among the freed ones first. */
export class Arena {
  /** Elements the block needs in all. */
  size = 0;
  #free: { start: number; count: number }[] = [];

  /** Start of a free range of `count` elements. */
  take(count: number): number {
    let best = -1;
    this.#free.forEach((gap, i) => {
      if (gap.count >= count && (best < 0 || gap.count < this.#free[best].count)) best = i;
    });
    if (best < 0) return this.#extend(count);
    const gap = this.#free[best];
    const start = gap.start;
    if (gap.count === count) this.#free.splice(best, 1);
    else this.#free[best] = { start: start + count, count: gap.count - count };
    return start;
  }

  #extend(count: number): number {
    const last = this.#free[this.#free.length - 1];
    const touchesEnd = last !== undefined && last.start + last.count === this.size;
    const start = touchesEnd ? last.start : this.size;
    if (touchesEnd) this.#free.pop();
    this.size = start + count;
    return start;
  }

  /** Gives a range back and joins it with free neighbours. */
  release(start: number, count: number): void {
    const at = this.#free.findIndex((gap) => gap.start > start);
    const index = at < 0 ? this.#free.length : at;
    this.#free.splice(index, 0, { start, count });
    this.#joinAt(index);
    if (index > 0) this.#joinAt(index - 1);
  }

  #joinAt(index: number): void {
    const [gap, next] = [this.#free[index], this.#free[index + 1]];
    if (next === undefined || gap.start + gap.count !== next.start) return;
    this.#free.splice(index, 2, { start: gap.start, count: gap.count + next.count });
  }
}
