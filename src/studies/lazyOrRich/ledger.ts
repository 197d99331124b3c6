/** Numbers of several networks of one kind by seed, to be averaged. */

/** Means by name. */
export interface Ledger {
  /** @param values  [layer][seed] */
  add(name: string, values: readonly ArrayLike<number>[]): void;
  /** Means over what was added, of one seed: [layer] by name. */
  meansOf(seed: number): Record<string, number[]>;
}

export function openLedger(): Ledger {
  const entries = new Map<string, (readonly ArrayLike<number>[])[]>();
  return {
    add: (name, values) => {
      entries.set(name, [...(entries.get(name) ?? []), values]);
    },
    meansOf: (seed) =>
      Object.fromEntries(
        [...entries].map(([name, all]) => [
          name,
          all[0].map((_, layer) => all.reduce((sum, each) => sum + each[layer][seed], 0) / all.length),
        ]),
      ),
  };
}
