/** What the page shows of the current run: which view, seed, layer, unit, and the sequence that is looked at. */
import { z } from "zod";
import { ArgumentError, unknownName } from "../../../src/base/errors.ts";
import type { JsonValue } from "../../../src/record/canonicalJson.ts";
import { allRows, curveKind, rowChoice } from "./rowChoice.ts";
import { firstTouch, touchChoice, touchEdits } from "./touchChoice.ts";
import { tourSteps } from "./tourSteps.ts";
import { viewNames } from "./viewNames.ts";

const index = z.int().min(0).max(100_000);

/**
 * Every selection that a link carries: what it may be, and what it is at first. `model` is the index of the seed that is
 * shown singly, `unit` the one that is looked at closely, `tokens` the sequence that attention, lens and interventions
 * look at (what is longer than a run allows is cut); `kind` is the part of tuning that is compared, `allSeeds` whether the
 * units of all seeds are listed, `rows` which of them; `other` is the sequence that parts are patched from, `edits` what is
 * done to the networks and `touch` what is asked of it; `tour` is the step of the guided tour, null where it is closed.
 */
const selections = {
  view: { schema: z.enum(viewNames), first: "units" },
  model: { schema: index, first: 0 },
  layer: { schema: index, first: 0 },
  unit: { schema: index.nullable(), first: null },
  kind: { schema: curveKind, first: "all" },
  allSeeds: { schema: z.boolean(), first: false },
  rows: { schema: rowChoice, first: allRows },
  tokens: { schema: z.array(index).min(1).max(4096).readonly(), first: [0, 1, 2, 3, 4, 5, 6] },
  other: { schema: z.array(index).min(1).max(4096).readonly(), first: [3, 4, 5, 6, 7, 8, 9] },
  edits: { schema: touchEdits, first: [] },
  touch: { schema: touchChoice, first: firstTouch },
  tour: {
    schema: z
      .int()
      .min(0)
      .max(tourSteps.length - 1)
      .nullable(),
    first: null,
  },
} as const satisfies Record<string, { schema: z.ZodType<JsonValue>; first: JsonValue }>;

type Selections = { [K in keyof typeof selections]: z.infer<(typeof selections)[K]["schema"]> };

const firsts = Object.fromEntries(
  Object.entries(selections).map(([name, { first }]) => [name, first]),
) as unknown as Selections;

/**
 * Selections that several views share: read `view.now.layer`, write `view.choose({ layer: 1 })`. A new one is a line in
 * the table above, and links carry it.
 */
export class ViewState {
  now = $state.raw<Selections>(firsts);

  choose(part: Partial<Selections>): void {
    this.now = { ...this.now, ...part };
  }

  /** Selections that are not those of the beginning, for a link. */
  told(): Record<string, JsonValue> {
    return Object.fromEntries(
      Object.entries(this.now).filter(
        ([name, value]) => JSON.stringify(value) !== JSON.stringify(firsts[name as keyof Selections]),
      ),
    ) as Record<string, JsonValue>;
  }

  /**
   * Takes the selections of a link; what it does not name is as at the beginning.
   *
   * @throws NameError for a name that there is not, ArgumentError for a value that it cannot have
   */
  take(told: Readonly<Record<string, JsonValue>>): void {
    for (const name of Object.keys(told))
      if (!Object.hasOwn(selections, name)) throw unknownName("link", name, Object.keys(selections));
    const held = Object.entries(selections).map(([name, { schema, first }]) => {
      const { data, success } = schema.safeParse(told[name] ?? first);
      if (success) return [name, data];
      throw new ArgumentError({
        where: `link: ${name}`,
        rule: "is not what the page can show",
        got: JSON.stringify(told[name]),
      });
    });
    this.now = Object.fromEntries(held) as Selections;
  }
}
