/** Figure of S12: masks that are learned while the weights stay what they were. */
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText, percent } from "../numberText.ts";
import { meanFinite, meanInterval } from "../spread.ts";
import type { Band } from "../subject.ts";
import { nowColor, thenColor } from "../theme.ts";

/** Networks under masks of one kind. */
export interface MaskedLosses {
  readonly label: string;
  /** Held-out losses, nats, [share][seed]. */
  readonly losses: readonly (readonly number[])[];
}

/** What {@link learnedMasks} draws. */
export interface LearnedMasksData {
  readonly seeds: number;
  /** Shares of each matrix that are kept, the first and the last are told in the title. */
  readonly keeps: readonly number[];
  /** Networks of which nothing is trained: first those with their own values, then the rescaled ones. */
  readonly groups: readonly {
    readonly title: string;
    /** The first of them is told in the title. */
    readonly learned: readonly MaskedLosses[];
    /** The mask that training, not descent on masks, gives. */
    readonly given: MaskedLosses;
    /** The null. */
    readonly random: MaskedLosses;
  }[];
  /** Held-out losses, nats, [seed]. */
  readonly untrained: readonly number[];
  readonly matricesTrained: readonly number[];
  readonly dense: readonly number[];
  /** Networks under masks of the last share, trained from own values; losses by seed, `main` in full colour. */
  readonly trained: readonly {
    readonly label: string;
    readonly losses: readonly number[];
    readonly main?: true;
  }[];
  /** The same under random masks: their null. */
  readonly randomTrained: readonly number[];
  /** AUROC of persistence for the units that a mask of the last share keeps, [seed], and where it lies by chance. */
  readonly units: readonly {
    readonly label: string;
    readonly auroc: readonly number[];
    readonly null: Band;
    readonly main?: true;
  }[];
}

function row(
  label: string,
  values: readonly number[],
  options: Pick<DotRow, "null" | "strong"> = {},
): DotRow {
  const { mean, low, high } = meanInterval(values);
  return { label, estimate: mean, low, high, note: fixed(mean), ...options };
}

/** The interval of a sample as a null; none where it has no width that could be drawn. */
function bandOf(values: readonly number[]): Band | undefined {
  const { mean, low, high } = meanInterval(values);
  return Number.isFinite(low + high) ? { low, middle: mean, high } : undefined;
}

function lossRows({ groups, matricesTrained, dense }: LearnedMasksData, share: number): DotRow[] {
  return [
    ...groups.flatMap(({ learned, given, random }) => {
      const band = bandOf(random.losses[share]);
      return [
        ...learned.map(({ label, losses }) => row(label, losses[share], { null: band })),
        row(given.label, given.losses[share], { null: band, strong: false }),
        row(random.label, random.losses[share], { null: band, strong: false }),
      ];
    }),
    row("reference: matrices trained", matricesTrained, { strong: false }),
    row("reference: all trained", dense, { strong: false }),
  ];
}

function lossPanels(data: LearnedMasksData): Panel[] {
  const rows = data.keeps.map((_, share) => lossRows(data, share));
  const reference = meanFinite(data.untrained);
  const ends = [...rows.flat().flatMap(({ low, high, estimate }) => [low, high, estimate]), reference].filter(
    Number.isFinite,
  );
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const margin = (high - low) / 20;
  return data.keeps.map((keep, share) =>
    dotRowsPanel({
      title: `${percent(keep)} kept, nothing trained`,
      rows: rows[share],
      axis: "held-out loss (nats)",
      domain: [low - margin, high + margin],
      reference,
      color: thenColor,
      width: 430,
    }),
  );
}

/** Figure: what a mask alone can do, beside training. */
export function learnedMasks(data: LearnedMasksData): FigureSpec {
  const { seeds, keeps, groups, untrained, matricesTrained, trained, randomTrained, units } = data;
  const kept = keeps[keeps.length - 1];
  const firstLoss = (group: number) => fixed(meanFinite(groups[group].learned[0].losses[0]));
  const random = groups.map((group) => group.random.losses[0]);
  const persistence = meanInterval(units.find(({ main }) => main)?.auroc ?? []);
  return {
    name: "lottery-ticket-learned",
    title: `A learned mask of ${percent(keeps[0])} takes the untrained network's loss from ${fixed(meanFinite(untrained))} to ${firstLoss(0)}, with its matrices rescaled to ${firstLoss(1)}; training those matrices ends at ${fixed(meanFinite(matricesTrained))}, a random mask at ${fixed(meanFinite(random[0]))}.`,
    question: "Is a network that does the task there before training, and only to be uncovered?",
    seeds: `${counted(seeds, "seed")}; all networks of a seed share initialisation and sequences, AUROC is the mean of both layers.`,
    nullModel: `grey bands: random masks of the same size, mean and 95 % t interval, rescaled beside what is rescaled, trained beside what is trained; for AUROC, where the mean of scores that know nothing would lie. Dashed lines: the whole network before training, and AUROC 0.5.`,
    reading: `Dots: mean over seeds with 95 % t intervals. Masks of the matrices of attention and MLP are learned by descent on scores while all weights stay as drawn; rescaled: those matrices are divided by the share that stays. The references, which training gives, have no mask: the same matrices trained with all else frozen, and everything trained. Then trained: networks under masks of ${percent(kept)} after training from their own values. Persistence tells the units of the learned mask with AUROC ${fixed(persistence.mean)} ${intervalText([persistence.low, persistence.high])}.`,
    panels: [
      ...lossPanels(data),
      dotRowsPanel({
        title: `${percent(kept)} kept, then trained`,
        rows: [
          ...trained.map(({ label, losses, main }) =>
            row(label, losses, { null: bandOf(randomTrained), strong: main === true }),
          ),
          row("random mask", randomTrained, { null: bandOf(randomTrained), strong: false }),
        ],
        axis: "held-out loss (nats)",
        color: nowColor,
        width: 430,
      }),
      dotRowsPanel({
        title: `which units masks of ${percent(kept)} keep`,
        rows: units.map((of) => row(of.label, of.auroc, { null: of.null, strong: of.main === true })),
        axis: "AUROC of persistence for a unit that is kept",
        reference: 0.5,
        color: thenColor,
        width: 430,
      }),
    ],
  };
}
