/** What a figure of responses is drawn from. */
import type { ResponseAxis } from "./responseScale.ts";

/** A mean over seeds at a value of the field. Ends that are not finite are not drawn. */
export interface ResponsePoint {
  readonly x: number | string;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Points of one kind. */
export interface ResponseSeries {
  /** Short, it stands at the right end, e.g. `L0`. */
  readonly label: string;
  readonly color: string;
  readonly points: readonly ResponsePoint[];
  /** What the others are compared with: it has no part in the title. */
  readonly isBaseline?: boolean;
}

/** One picture: everything else that was swept is fixed in it, or drawn. */
export interface ResponsePanel {
  readonly title: string;
  readonly series: readonly ResponseSeries[];
  /** Where the null lies at a value of the field: a grey line. */
  readonly null?: readonly { readonly x: number | string; readonly y: number }[];
}

/** What {@link responses} draws. */
export interface ResponsesData {
  /** Kebab-case, the name of the figure. */
  readonly name: string;
  readonly axis: ResponseAxis;
  /** Values were drawn: points are not joined, as what lies between two of them also differs in other fields. */
  readonly drawn: boolean;
  /** Axis of the statistic, with its unit. */
  readonly label: string;
  /** The statistic in a sentence, e.g. `tuning r over its null`. */
  readonly statistic: string;
  readonly question: string;
  readonly panels: readonly ResponsePanel[];
  /** A value that means nothing at all, where a grey rule stands. */
  readonly reference?: number;
  readonly nullModel: string;
  readonly seeds: string;
  /** What else a reader must know of it. */
  readonly note: string;
}
