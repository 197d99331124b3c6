/** How activations are distributed at each site. */
import type { FigureSpec } from "../figure.ts";
import { histogramPanel } from "../histogram.ts";
import { fixed, intervalText, percent } from "../numberText.ts";
import { type Band, type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";

/** Activations of one site. */
export interface SiteDistribution {
  /** E.g. `L0 MLP hidden`. */
  title: string;
  /** Ends of the bins, ascending, one more than there are bins; activation units. */
  edges: ArrayLike<number>;
  /** Share of all values in each bin, exact zeros left out; with `zeroShare` they sum to 1 at most. */
  shares: ArrayLike<number>;
  /** Share of values that are exactly 0. */
  zeroShare: number;
  /** Mean and standard deviation of the values that are not exactly 0. */
  mean: number;
  sd: number;
  /** Shares of each bin in freshly drawn networks; the normal of the same mean and SD is drawn where there is none. */
  null?: { low: ArrayLike<number>; high: ArrayLike<number>; zeroShare: Band };
}

/** What {@link activationDistributions} draws. */
export interface ActivationDistributionsData {
  subject: Subject;
  sites: readonly SiteDistribution[];
}

/** Points of the normal curve. */
const curvePoints = 80;

/** Shares a bin of the normal of the same mean and SD, over the values that are not exactly 0. */
function normalCurve({ edges, mean, sd, zeroShare }: SiteDistribution): { x: number; share: number }[] {
  const [low, high] = [edges[0], edges[edges.length - 1]];
  if (!(sd > 0) || !(high > low)) return [];
  const width = (high - low) / (edges.length - 1);
  return Array.from({ length: curvePoints + 1 }, (_, i) => {
    const x = low + ((high - low) * i) / curvePoints;
    const z = (x - mean) / sd;
    const density = Math.exp((-z * z) / 2) / (sd * Math.sqrt(2 * Math.PI));
    return { x, share: (1 - zeroShare) * width * density };
  });
}

function describe({ title, mean, sd, zeroShare, null: null_ }: SiteDistribution): string {
  const zeros =
    null_ === undefined
      ? ""
      : `, in fresh networks ${intervalText([100 * null_.zeroShare.low, 100 * null_.zeroShare.high], 0)} %`;
  return `${title}: mean ${fixed(mean)} and standard deviation ${fixed(sd)} of the values that are not 0; ${percent(zeroShare)} are exactly 0${zeros}`;
}

/** Figure: histograms by site, exact zeros apart, against fresh networks or the normal. */
export function activationDistributions(data: ActivationDistributionsData): FigureSpec {
  const defined = data.sites.filter(({ sd }) => Number.isFinite(sd));
  const bySd = defined.toSorted((a, b) => a.sd - b.sd);
  const [least, most] = [bySd[0], bySd[bySd.length - 1]];
  const [sparsest] = defined.toSorted((a, b) => b.zeroShare - a.zeroShare);
  const banded = data.sites.some((site) => site.null !== undefined);
  const zeros =
    sparsest !== undefined && sparsest.zeroShare > 0
      ? `${percent(sparsest.zeroShare)} of ${sparsest.title} are exactly 0`
      : "nowhere is an activation exactly 0";
  return {
    name: subjectSlug("activation-distributions", data.subject),
    title:
      least === undefined
        ? `${data.subject.name}: no activation was measured.`
        : `${data.subject.name}: standard deviations reach from ${fixed(least.sd)} (${least.title}) to ${fixed(most.sd)} (${most.title}); ${zeros}.`,
    question: "How large are activations, how many are silent, and are they normal?",
    seeds: subjectSeeds(data.subject),
    nullModel: banded
      ? "grey band: freshly drawn networks of the same configuration, by bin; where there is none, the grey curve is the normal of the same mean and standard deviation."
      : "grey curve: the normal of the same mean and standard deviation.",
    reading:
      "Outline: share of all activations in each bin, exact zeros left out; their share is the number beside the line at 0.",
    panels: data.sites.map((site) =>
      histogramPanel({
        title: site.title,
        description: describe(site),
        edges: site.edges,
        shares: site.shares,
        ...(site.null === undefined ? { curve: normalCurve(site) } : { band: site.null }),
        ...(site.zeroShare > 0 ? { marked: { value: 0, label: `${percent(site.zeroShare)} are 0` } } : {}),
        axis: "activation",
        of: "activations",
        color: subjectColor(data.subject),
      }),
    ),
  };
}
