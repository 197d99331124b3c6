/**
 * Interventions as data: a site, the region of it that is meant, and what happens there.
 *
 * All edits of a site become one step of the graph, elementwise, whose masks and values are inputs of the run: every
 * batch row can have its own intervention, and other regions or values need no other program. Untouched elements keep
 * their bits.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, NameError, nearest, ShapeError } from "../base/errors.ts";
import type { TensorData } from "../graph/backend.ts";
import { showShape, sizeOf, stridesOf } from "../graph/node.ts";
import { resolveSites, type Site, type SiteSelector } from "../model/hookPoints.ts";
import { type ActivationCache, cached, requireFresh } from "./activationCache.ts";
import type { Network } from "./network.ts";
import { indicesOf, type Tensor, type TensorAxis, type Which } from "./tensor.ts";

/** The part of a site that an edit applies to; what is left out is taken whole. */
export interface Region {
  models?: Which;
  batch?: Which;
  /** Positions; of scores and patterns, the positions that attend. */
  pos?: Which;
  /** Of scores and patterns: the positions that are attended to. */
  keys?: Which;
  /** Heads; of keys and values in a model with fewer of those, the heads that they have. */
  heads?: Which;
  /** Indices of the last axis: neurons, stream dimensions, components of a head, tokens of the logits. */
  units?: Which;
}

/**
 * Numbers to put in: one for the whole region; as many as the last axes of the site have, or all of them, or all with
 * the model axis first; or a tensor whose axes are found by name. What has no axis for something is repeated along it.
 */
export type Values = number | ArrayLike<number> | Tensor;

/** What happens to the region. */
export type Action =
  | { readonly kind: "zero" }
  | { readonly kind: "replace"; readonly values: Values }
  /** The same as `replace`, named for what the values are. See `meanOver`. */
  | { readonly kind: "mean"; readonly values: Values }
  | { readonly kind: "add"; readonly values: Values }
  | { readonly kind: "scale"; readonly by: Values }
  /**
   * Replaced by the same site of another run of the same network and weights. `batch[row]` is the cached row that goes
   * into a row, by default the same one, or the only one there is; a permutation resamples. With `shift` s, position p
   * takes what was cached at p − s.
   */
  | {
      readonly kind: "fromCache";
      readonly cache: ActivationCache;
      readonly batch?: readonly number[];
      readonly shift?: number;
    }
  /**
   * Replaced by what a function makes of the activation, [model, ...site]; it gets a copy. The network runs once more
   * for each such edit and site, to show the function what the edits before it have left.
   */
  | { readonly kind: "function"; readonly apply: (own: Tensor) => ArrayLike<number> };

/** An intervention. */
export interface Edit {
  readonly site: SiteSelector;
  readonly region: Region;
  readonly action: Action;
}

/**
 * An intervention; `blocks.*` stands for every layer.
 *
 * @example edit(hook.z(0), { heads: 1 }, { kind: "zero" })
 * @example edit(hook.residPost(1), { batch: 3, pos: 5 }, { kind: "fromCache", cache: clean })
 */
export function edit(site: SiteSelector, region: Region, action: Action): Edit {
  return { site, region, action };
}

/** What an edit did at one site. */
export interface EditReport {
  /** Which of the edits given, from 0. */
  readonly edit: number;
  readonly site: Site["name"];
  readonly kind: Action["kind"];
  /** Elements of the region, over all models. */
  readonly touched: number;
  /** Elements that have another value than before. */
  readonly changed: number;
  /** Root of the sum of squared changes over all models; Infinity where a masked score became finite. */
  readonly norm: number;
}

/** An edit at one site of this model, every index known. */
export interface PlacedEdit {
  /** Which of the edits given. */
  readonly edit: number;
  readonly site: Site;
  readonly action: Action;
  /** Indices along [model, ...axes of the site]. */
  readonly region: readonly (readonly number[])[];
}

/** Sizes that a run gives to the axes. */
export interface Frame {
  readonly models: number;
  readonly batch: number;
  readonly pos: number;
}

/** The axes that each part of a region may mean; a site has one of them at most. */
export const regionOf: Readonly<Record<keyof Region, readonly TensorAxis[]>> = {
  models: ["model"],
  batch: ["batch"],
  pos: ["pos", "queryPos"],
  keys: ["keyPos"],
  heads: ["head", "kvHead"],
  units: ["dHead", "dModel", "dMlp", "dVocab", "one"],
};

/** Axes and sizes of a site's array with the model axis first. */
export function fullShape(
  site: Site,
  { models, batch, pos }: Frame,
): { axes: TensorAxis[]; shape: number[] } {
  return { axes: ["model", ...site.axes], shape: [models, ...site.shape(batch, pos)] };
}

/**
 * Every edit at every site it names, in the order in which the sites fire; edits of one site keep their order.
 *
 * @throws NameError      for a site or a part of a region that does not exist, with the nearest one
 * @throws ArgumentError  for an index outside its axis, an empty list, or a region along an axis that the site has not
 */
export function placeEdits(network: Network, edits: readonly Edit[], frame: Frame): PlacedEdit[] {
  // a sweep has hundreds of edits of a few sites, so each selector is spelt out once
  const selectors = [...new Set(edits.map(({ site }) => site))];
  const sitesOf = new Map(selectors.map((selector) => [selector, resolveSites(network.config, [selector])]));
  const placed = edits.flatMap(({ site: selector, region, action }, index) =>
    (sitesOf.get(selector) as Site[]).map((site) => ({
      edit: index,
      site,
      action,
      region: placedRegion(site, region, frame),
    })),
  );
  const order = new Map(resolveSites(network.config, selectors).map(({ name }, at) => [name, at]));
  return placed.sort((a, b) => (order.get(a.site.name) as number) - (order.get(b.site.name) as number));
}

function placedRegion(site: Site, region: Region, frame: Frame): number[][] {
  const { axes, shape } = fullShape(site, frame);
  const where = (part: string) => `edit of "${site.name}", ${part}`;
  const which = new Map<TensorAxis, Which>();
  for (const [part, indices] of Object.entries(region) as [string, Which | undefined][]) {
    if (indices === undefined) continue;
    if (!Object.hasOwn(regionOf, part))
      throw new NameError({
        where: where(part),
        rule: `a region has the parts ${Object.keys(regionOf).join(", ")}`,
        got: JSON.stringify(part),
        wayOut: `Nearest: ${JSON.stringify(nearest(part, Object.keys(regionOf)))}.`,
      });
    const axis = regionOf[part as keyof Region].find((name) => axes.includes(name));
    if (axis === undefined)
      throw new ArgumentError({
        where: where(part),
        rule: "this site has no such axis, so the edit would touch nothing",
        got: `axes ${axes.join(" ")}`,
        wayOut: "Leave it out, or take a site that has it.",
      });
    which.set(axis, indices);
  }
  return axes.map((axis, i) => [...new Set(indicesOf(where(axis), which.get(axis), shape[i]))]);
}

/** Where the value of an element lies: Σ over axes of `offsets[axis][index]`. */
interface Source {
  readonly data: ArrayLike<number>;
  readonly offsets: readonly ArrayLike<number>[];
}

/** How an action changes an element's value. */
interface Change {
  readonly how: "set" | "add" | "scale";
  readonly source: Source;
}

/** Called with the element's place in the site's array and the place of its value. */
function everyElement(
  { region }: PlacedEdit,
  shape: readonly number[],
  { offsets }: Source,
  visit: (at: number, from: number) => void,
): void {
  const strides = stridesOf(shape);
  const walk = (axis: number, at: number, from: number) => {
    if (axis === shape.length) {
      visit(at, from);
      return;
    }
    for (const index of region[axis]) walk(axis + 1, at + index * strides[axis], from + offsets[axis][index]);
  };
  walk(0, 0, 0);
}

function changeOf(network: Network, placed: PlacedEdit, frame: Frame): Change {
  const { action, site } = placed;
  const full = fullShape(site, frame);
  const from = (values: Values) => sourceOf(site, full, values);
  switch (action.kind) {
    case "zero":
      return { how: "set", source: from(0) };
    case "replace":
    case "mean":
      return { how: "set", source: from(action.values) };
    case "add":
      return { how: "add", source: from(action.values) };
    case "scale":
      return { how: "scale", source: from(action.by) };
    case "fromCache":
      return { how: "set", source: cachedSource(network, placed, action, frame) };
    case "function":
      throw new ArgumentError({ where: `edit of "${site.name}"`, rule: "a function must be applied first" });
    default:
      throw new NameError({
        where: `edit of "${site.name}"`,
        rule: "there is no such kind of action",
        got: JSON.stringify((action as { kind: unknown }).kind),
        wayOut: "Kinds are zero, replace, mean, add, scale, fromCache, function.",
      });
  }
}

function sourceOf(
  site: Site,
  { axes, shape }: { axes: TensorAxis[]; shape: number[] },
  values: Values,
): Source {
  const repeated = shape.map((size) => new Float64Array(size));
  if (typeof values === "number") return { data: [values], offsets: repeated };
  const where = `edit of "${site.name}", values`;
  if ("axes" in values) {
    if (values.data.length !== sizeOf(values.shape) || new Set(values.axes).size !== values.axes.length)
      throw new ShapeError({
        where,
        rule: "must have as many numbers as its shape says, and each axis once",
        got: `${values.data.length} numbers, ${showShape(values.shape)} [${values.axes.join(" ")}]`,
        wayOut: "Make it with pick or meanOver, or check the shape.",
      });
    const strides = stridesOf(values.shape);
    for (const [i, axis] of values.axes.entries()) {
      const at = axes.indexOf(axis);
      if (at < 0 || shape[at] !== values.shape[i])
        throw new ShapeError({
          where,
          rule: `axes must be among [${axes.map((name, k) => `${name} ${shape[k]}`).join(", ")}]`,
          got: `${axis} ${values.shape[i]}`,
          wayOut: "Pick or average the values first.",
        });
      repeated[at] = repeated[at].map((_, index) => index * strides[i]);
    }
    return { data: values.data, offsets: repeated };
  }
  // sizes of the last axes grow one axis at a time, so the number of values says how many axes they have
  const strides = stridesOf(shape);
  const first = shape.findIndex((_, axis) => sizeOf(shape.slice(axis)) === values.length);
  if (first < 0)
    throw new ShapeError({
      where,
      rule: `must be one number, or as many as the last axes of ${showShape(shape)} [${axes.join(" ")}] have`,
      got: `${values.length} numbers`,
      wayOut: "Give a tensor with named axes to repeat along others.",
    });
  const offsets = shape.map((size, axis) =>
    Float64Array.from({ length: size }, (_, index) => (axis < first ? 0 : index * strides[axis])),
  );
  return { data: values, offsets };
}

function cachedSource(
  network: Network,
  { site, region }: PlacedEdit,
  { cache, batch: rows, shift = 0 }: Extract<Action, { kind: "fromCache" }>,
  { batch, pos }: Frame,
): Source {
  requireFresh(network, cache);
  const { axes, shape, data } = cached(cache, site.name);
  const strides = stridesOf(shape);
  const where = `edit of "${site.name}" from cache`;
  if (cache.pos !== pos)
    throw new ShapeError({
      where,
      rule: "must be of inputs as long as the run's: what a network does at a position depends on the others",
      got: `${cache.pos} and ${pos} positions`,
      wayOut: "Run the cache on inputs of that length, or pick from it what is meant and replace with that.",
    });
  if (rows === undefined && cache.batch !== 1 && cache.batch !== batch)
    throw new ShapeError({
      where,
      rule: "must have one batch row, or as many as the run",
      got: `${cache.batch} and ${batch}`,
      wayOut: "Say with batch which cached row goes into each row.",
    });
  if (rows !== undefined && rows.length !== batch)
    throw new ShapeError({
      where: `${where}, batch`,
      rule: `must name a cached row for each of ${batch} rows`,
      got: String(rows.length),
    });
  if (shift !== 0 && !axes.includes("pos"))
    throw new ArgumentError({
      where: `${where}, shift`,
      rule: "works on sites with one axis of positions",
      got: `axes ${axes.join(" ")}`,
    });
  const cachedRow = (row: number) => rows?.[row] ?? (cache.batch === 1 ? 0 : row);
  const offsets = axes.map((axis, i) => {
    const table: number[] = [];
    for (const index of region[i]) {
      let source = index;
      if (axis === "batch") source = cachedRow(index);
      if (axis === "pos") source = index - shift;
      table[index] = integerIn(`${where}, ${axis} ${index}`, source, 0, shape[i] - 1) * strides[i];
    }
    return table;
  });
  return { data, offsets };
}

/** Which steps the graph of an edited site has. */
export interface EditForm {
  set: boolean;
  add: boolean;
  scale: boolean;
}

/** All edits of one site, joined: y = set ? value : changed ? x · factor + addend : x. Arrays are [model, ...site]. */
export interface SiteEdit {
  readonly form: EditForm;
  readonly set: Float32Array;
  readonly value: Float64Array;
  readonly changed: Float32Array;
  readonly factor: Float64Array;
  readonly addend: Float64Array;
}

/**
 * The edits of every site joined into one, later edits applied to what earlier ones left.
 *
 * Where an addition is scaled by a later edit, (x + v) · s is computed as x · s + v · s.
 *
 * @throws ShapeError, ArgumentError if values or a cache do not fit
 */
export function joinEdits(
  network: Network,
  placed: readonly PlacedEdit[],
  frame: Frame,
): Map<Site["name"], SiteEdit> {
  const joined = new Map<Site["name"], SiteEdit>();
  for (const one of placed) {
    const { shape } = fullShape(one.site, frame);
    const size = sizeOf(shape);
    const { how, source } = changeOf(network, one, frame);
    const into: SiteEdit = joined.get(one.site.name) ?? {
      form: { set: false, add: false, scale: false },
      set: new Float32Array(size),
      value: new Float64Array(size),
      changed: new Float32Array(size),
      factor: new Float64Array(size).fill(1),
      addend: new Float64Array(size),
    };
    joined.set(one.site.name, into);
    into.form[how] = true;
    everyElement(one, shape, source, (at, from) => {
      const v = source.data[from];
      if (how === "set") {
        into.set[at] = 1;
        into.value[at] = v;
      } else if (into.set[at] === 1) into.value[at] = how === "add" ? into.value[at] + v : into.value[at] * v;
      else {
        into.changed[at] = 1;
        if (how === "add") into.addend[at] += v;
        else {
          into.factor[at] *= v;
          into.addend[at] *= v;
        }
      }
    });
  }
  return joined;
}

/** What each edit did, from the sites' activations before any of them, [model, ...site]. */
export function reportEdits(
  network: Network,
  placed: readonly PlacedEdit[],
  frame: Frame,
  before: (site: Site["name"]) => TensorData,
): EditReport[] {
  const present = new Map<string, Float64Array>();
  return placed.map((one) => {
    const { site, action, edit } = one;
    const values = present.get(site.name) ?? Float64Array.from(before(site.name));
    present.set(site.name, values);
    const { how, source } = changeOf(network, one, frame);
    let [touched, changed, squares] = [0, 0, 0];
    everyElement(one, fullShape(site, frame).shape, source, (at, from) => {
      const v = source.data[from];
      const next = how === "set" ? v : how === "add" ? values[at] + v : values[at] * v;
      touched++;
      if (next !== values[at] && !(Number.isNaN(next) && Number.isNaN(values[at]))) {
        changed++;
        squares += (next - values[at]) ** 2;
      }
      values[at] = next;
    });
    return { edit, site: site.name, kind: action.kind, touched, changed, norm: Math.sqrt(squares) };
  });
}
