/** Which steps run between the same two barriers. */
import type { Step, Tensor } from "../step.ts";

/**
 * Steps by interval, each in the earliest that it may run in: after those whose results it reads, and after those that
 * read or write what it overwrites. Within an interval no step touches what another one writes.
 */
export function intervalsOf(steps: readonly Step[]): Step[][] {
  const intervals: Step[][] = [];
  const written = new Map<Tensor, number>(); // the last interval that writes a tensor
  const read = new Map<Tensor, number>();
  const after = (last: number | undefined) => (last === undefined ? 0 : last + 1);
  for (const step of steps) {
    const { reads, writes } = step;
    const at = Math.max(
      0,
      ...reads.map((tensor) => after(written.get(tensor))),
      ...writes.map((tensor) => Math.max(after(written.get(tensor)), after(read.get(tensor)))),
    );
    intervals[at] = [...(intervals[at] ?? []), step];
    for (const tensor of reads) read.set(tensor, Math.max(at, read.get(tensor) ?? 0));
    for (const tensor of writes) written.set(tensor, at);
  }
  return intervals;
}
