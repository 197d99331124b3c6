/** Fewer points than can be told apart are all drawn; of more some. */
import type { ResponsePanel } from "./responsesData.ts";

/** Most points that a figure draws: more lie on each other, and a picture of a hundred thousand opens in no browser. */
const mostPoints = 2000;

/** Some items evenly among all, the first and the last with them; all where they are no more than that. */
function evenly<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]);
}

/** The panels with no more points than are drawn, and what is said of it. */
export function thinned(panels: readonly ResponsePanel[]): {
  panels: readonly ResponsePanel[];
  note: string;
} {
  const lists = panels.reduce((sum, panel) => sum + panel.series.length + (panel.null ? 1 : 0), 0);
  const most = Math.max(2, Math.floor(mostPoints / Math.max(1, lists)));
  const finite = panels.map((panel) => ({
    ...panel,
    series: panel.series.map((each) => ({
      ...each,
      points: each.points.filter(({ mean }) => Number.isFinite(mean)),
    })),
  }));
  const longest = finite
    .flatMap(({ series }) => series)
    .reduce((length, { points }) => Math.max(length, points.length), 0);
  if (longest <= most) return { panels, note: "" };
  return {
    panels: finite.map((panel) => ({
      ...panel,
      series: panel.series.map((each) => ({ ...each, points: evenly(each.points, most) })),
      ...(panel.null === undefined ? {} : { null: evenly(panel.null, most) }),
    })),
    note: `Of a series at most ${most} points are drawn, evenly among up to ${longest}; what is said is of all.`,
  };
}
