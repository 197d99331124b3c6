/** What activations depend on: token, position, their combination, and everything else in the input. */
import type { Interval } from "../../stats/intervals.ts";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec } from "../figure.ts";
import { fixed } from "../numberText.ts";
import { type Band, type Subject, subjectColor, subjectSeeds, subjectSlug } from "../subject.ts";

/** One value of each part of a unit's variance. */
export interface VarianceParts<T> {
  token: T;
  position: T;
  interaction: T;
  context: T;
}

/** What {@link tokenPositionInteraction} draws. */
export interface TokenPositionInteractionData {
  subject: Subject;
  /** In the order of the network. */
  sites: readonly {
    /** E.g. `L0 MLP hidden`. */
    title: string;
    /** Mean share of variance over units, then seeds, with its interval over seeds (NaN ends with one seed). */
    shares: VarianceParts<Interval>;
    /** The same mean share in the null: middle and 95 % band. */
    null: VarianceParts<Band>;
  }[];
  /** What the null is: `random projections of random embeddings through layer norm and ReLU, no attention`. */
  nullName: string;
}

const parts = ["token", "position", "interaction", "context"] as const;

/** Figure: shares of variance by site, each over the band of its null. */
export function tokenPositionInteraction(data: TokenPositionInteractionData): FigureSpec {
  const cells = data.sites.flatMap(({ title, shares, null: bands }) =>
    parts.map((part) => ({ title, part, share: shares[part].estimate, band: bands[part] })),
  );
  const defined = cells.filter(({ share, band }) => Number.isFinite(share + band.low + band.high));
  const inside = defined.filter(({ share, band }) => share >= band.low && share <= band.high).length;
  const beyond = ({ share, band }: (typeof cells)[number]) => Math.max(share - band.high, band.low - share);
  const [furthest] = defined.toSorted((a, b) => beyond(b) - beyond(a));
  let finding = "no share was measured.";
  if (furthest !== undefined && inside === defined.length)
    finding = `all ${defined.length} shares of variance lie where the null has them.`;
  else if (furthest !== undefined)
    finding = `${defined.length - inside} of ${defined.length} shares of variance lie outside the null's band; furthest ${furthest.part} in ${furthest.title}, ${fixed(furthest.share)} instead of ${fixed(furthest.band.low)} to ${fixed(furthest.band.high)}.`;
  return {
    name: subjectSlug("token-position-interaction", data.subject),
    title: `${data.subject.name}: ${finding}`,
    question:
      "How much of what units do is set by the token, the position, their combination, or the context?",
    seeds: subjectSeeds(data.subject),
    nullModel: `grey band and tick: ${data.nullName}; 95 % of its draws and their middle.`,
    reading: `Dot: mean share of variance over units${data.subject.seeds > 1 ? " and seeds, with its 95 % t interval over seeds" : ""}. Token and position are main effects, interaction is what their sum leaves of the cell means, context what the rest of the input adds.`,
    panels: data.sites.map(({ title, shares, null: bands }) =>
      dotRowsPanel({
        title,
        rows: parts.map((part) => ({
          label: part,
          ...shares[part],
          null: bands[part],
          note: fixed(shares[part].estimate),
        })),
        axis: "share of variance",
        domain: [0, 1],
        color: subjectColor(data.subject),
      }),
    ),
  };
}
