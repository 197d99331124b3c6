/**
 * The integrity gate: which checkpoints of a series are what their names say.
 *
 * Published series hold final weights under early names, equal files under several steps, and single shards of other
 * steps. A study of persistence that took them for what they are called would report that everything persists. So every
 * checkpoint is read and hashed before anything is measured, and is held against all others; those that break a rule of
 * rules.ts are named with the rule and the numbers.
 *
 * What it cannot see: a whole series of another model, a last checkpoint of another run, and two neighbours exchanged
 * where training hardly moves.
 */
import type { ModelConfig } from "../../model/config.ts";
import type { FileHashes, SeriesCheckpoint } from "./checkpoint.ts";
import { cosineOf, type Distances, distancesOf } from "./distances.ts";
import { type Fingerprint, fingerprint, type Unreadable } from "./fingerprint.ts";
import { isForeign, orderedWay, withoutForeign } from "./order.ts";
import { findMixed, misplacedParts } from "./parts.ts";
import { type GateRuleId, jumpShare, jumpSteps, otherPlaceShare } from "./rules.ts";

/** A rule that a checkpoint breaks. */
export interface Fault {
  readonly rule: GateRuleId;
  /** What was found, with its numbers, as part of a sentence. */
  readonly facts: string;
}

/** A checkpoint and what the gate says of it. */
export interface JudgedCheckpoint {
  readonly step: number;
  readonly label: string;
  /** SHA-256 over all tensors; null for one that cannot be read. */
  readonly sha256: string | null;
  /** SHA-256 of each tensor's bytes, by its name in the file. */
  readonly tensors: Readonly<Record<string, string>>;
  /** SHA-256 of each file that belongs to it. */
  readonly files: FileHashes;
  /** Relative distance of the matrices from the first sound checkpoint and to the last; NaN where there is none. */
  readonly fromFirst: number;
  readonly toLast: number;
  /** Mean cosine of the matrices with those of the first sound checkpoint. */
  readonly cosine: number;
  /** None where it is sound. */
  readonly faults: readonly Fault[];
}

/** What the gate found. */
export interface SeriesIntegrity {
  /** By step. */
  readonly checkpoints: readonly JudgedCheckpoint[];
  /** Steps of the sound ones. */
  readonly sound: readonly number[];
  /** Whether the sound ones begin with an initialisation: step 0, with untrained norms. Null if no norm can tell. */
  readonly initialised: boolean | null;
}

/** What is told meanwhile. */
export interface GateOptions {
  /** Called after each checkpoint was read. */
  readonly onRead?: (done: number, total: number) => void;
}

/**
 * Reads every checkpoint once and judges the series.
 *
 * @param checkpoints  in any order
 */
export async function judgeSeries(
  checkpoints: readonly SeriesCheckpoint[],
  { onRead }: GateOptions = {},
): Promise<SeriesIntegrity> {
  const sorted = [...checkpoints].sort((a, b) => a.step - b.step);
  const read: (Fingerprint | Unreadable)[] = [];
  for (const checkpoint of sorted) {
    read.push(await fingerprint(checkpoint));
    onRead?.(read.length, sorted.length);
  }
  return judge(read);
}

/** The verdicts on checkpoints that were read, ascending by step. */
export function judge(read: readonly (Fingerprint | Unreadable)[]): SeriesIntegrity {
  const faults = new Map<number, Fault[]>(read.map(({ step }) => [step, []]));
  const blame = (step: number, rule: GateRuleId, facts: string) => faults.get(step)?.push({ rule, facts });
  for (const each of read) if ("unreadable" in each) blame(each.step, "readable", each.unreadable);
  const readable = read.filter((each) => !("unreadable" in each)) as Fingerprint[];
  const alike = sameModel(readable, blame);
  const finite = alike.filter((print) => {
    const strange = print.tensors.find((tensor) => tensor.strange > 0);
    if (strange !== undefined)
      blame(print.step, "finite", `${strange.strange} such numbers in ${strange.name}`);
    return strange === undefined;
  });
  const untrained = finite[0]?.step === 0 ? normsAreUntrained(finite[0], blame) : null;
  const prints = untrained === false ? finite.slice(1) : finite;
  if (untrained === false) {
    const twins = prints.filter(({ sha256 }) => sha256 === finite[0].sha256).map(({ step }) => step);
    if (twins.length > 0) blame(0, "duplicate", duplicateFacts(0, twins));
  }
  const [whole, ...parts] = distancesOf(prints);
  const members = whole === undefined ? [] : place(prints, whole, parts, untrained, blame);
  const sound = members.filter((m) => faults.get(prints[m].step)?.length === 0);
  const [first, last] = [sound[0], sound.at(-1)];
  const distanceOf = (step: number, other: number | undefined) => {
    const own = prints.findIndex((print) => print.step === step);
    return own < 0 || other === undefined ? Number.NaN : whole.at(own, other);
  };
  return {
    checkpoints: read.map((each): JudgedCheckpoint => {
      const { step, label, files } = each;
      const judged = { step, label, files, faults: faults.get(step) as Fault[] };
      const far = { fromFirst: distanceOf(step, first), toLast: distanceOf(step, last) };
      if ("unreadable" in each) return { ...judged, ...far, sha256: null, tensors: {}, cosine: Number.NaN };
      const print = prints.find((one) => one.step === step);
      const cosine = print === undefined || first === undefined ? Number.NaN : cosineOf(print, prints[first]);
      const tensors = Object.fromEntries(each.tensors.map(({ name, sha256 }) => [name, sha256]));
      return { ...judged, ...far, sha256: each.sha256, tensors, cosine };
    }),
    sound: sound.map((m) => prints[m].step),
    initialised: first === undefined || prints[first].step !== 0 ? false : untrained,
  };
}

type Blame = (step: number, rule: GateRuleId, facts: string) => void;

const fieldsOf = (config: ModelConfig) => Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1));

/** Those of the config and tensors that most have. */
function sameModel(readable: readonly Fingerprint[], blame: Blame): Fingerprint[] {
  const keyOf = ({ config, tensors }: Fingerprint) =>
    JSON.stringify([fieldsOf(config), tensors.map(({ name, shape }) => [name, shape])]);
  const counts = new Map<string, number>();
  for (const print of readable) counts.set(keyOf(print), (counts.get(keyOf(print)) ?? 0) + 1);
  // of equally frequent ones the latest: a series is published for its last model
  const usual = [...readable].reverse().reduce<Fingerprint | undefined>((best, print) => {
    return best !== undefined && (counts.get(keyOf(best)) ?? 0) >= (counts.get(keyOf(print)) ?? 0)
      ? best
      : print;
  }, undefined);
  return readable.filter((print) => {
    if (usual === undefined || keyOf(print) === keyOf(usual)) return true;
    blame(print.step, "config", difference(print, usual));
    return false;
  });
}

function difference(own: Fingerprint, usual: Fingerprint): string {
  const theirs = new Map(fieldsOf(usual.config).map(([field, value]) => [field, JSON.stringify(value)]));
  const mine = new Map(fieldsOf(own.config).map(([field, value]) => [field, JSON.stringify(value)]));
  const field = [...new Set([...theirs.keys(), ...mine.keys()])].find(
    (name) => theirs.get(name) !== mine.get(name),
  );
  if (field !== undefined)
    return `${field} is ${mine.get(field) ?? "left out"}, of most ${theirs.get(field) ?? "left out"}`;
  const shapes = new Map(usual.tensors.map(({ name, shape }) => [name, shape.join()]));
  const other = own.tensors.find(({ name, shape }) => shapes.get(name) !== shape.join());
  if (other !== undefined) return `tensor ${other.name} is [${other.shape.join(", ")}] here alone`;
  return `${shapes.size - own.tensors.length} of ${shapes.size} tensors are missing`;
}

/** Names of a norm's weight or bias, here and in the families that are read. */
const normName = /(?:^|[._])(?:ln|ln_\w+|ln\d|\w*layer_?norm|\w*norm)\.(weight|bias|w|b)$/i;

/** Whether step 0 has untrained norms; null if it has none. */
function normsAreUntrained(print: Fingerprint, blame: Blame): boolean | null {
  const norms = print.tensors.flatMap((tensor) => {
    const kind = normName.exec(tensor.name)?.[1];
    return kind === undefined || tensor.shape.length !== 1 || tensor.shape[0] < 2 ? [] : [{ tensor, kind }];
  });
  if (norms.length === 0) return null;
  const trained = norms.filter(
    ({ tensor, kind }) => tensor.constant === null || (/^b/i.test(kind) && tensor.constant !== 0),
  );
  if (trained.length === 0) return true;
  const facts = `${trained.length} of ${norms.length} norms have moved, such as ${trained[0].tensor.name}`;
  blame(0, "initial", facts);
  return false;
}

const shown = (value: number) => value.toPrecision(3);

/** The members of the way, after those that are not have been blamed. */
function place(
  prints: readonly Fingerprint[],
  whole: Distances,
  parts: readonly Distances[],
  untrained: boolean | null,
  blame: Blame,
): number[] {
  const equal = (a: number, b: number) => prints[a].sha256 === prints[b].sha256;
  const way = orderedWay(whole, { count: prints.length, equal }).members;
  const inOrder = way.filter((member) => !isAmbiguous(member));
  const members = withoutForeign(whole, inOrder);

  prints.forEach((print, i) => {
    if (members.includes(i)) return;
    const twins = prints.flatMap(({ step }, j) => (j !== i && equal(i, j) ? [step] : []));
    if (twins.length > 0) blame(print.step, "duplicate", duplicateFacts(print.step, twins));
    else
      blame(print.step, ruleOf(whole, { own: i, members }), placeFacts(prints, whole, { own: i, members }));
    const mixed = findMixed(prints, parts, { own: i, members });
    if (mixed !== undefined) blame(print.step, "parts", mixed);
  });
  blameOrigin();
  for (const { member, facts } of misplacedParts(prints, parts, members))
    blame(prints[member].step, "parts", facts);
  return members;

  /** Whether a twin of a member would have the same place on the way, so that nothing says which name is right. */
  function isAmbiguous(member: number): boolean {
    if (prints[member].step === 0 && untrained !== false) return false;
    return prints.some((_, twin) => {
      if (twin === member || !equal(member, twin)) return false;
      const [low, high] = [Math.min(member, twin), Math.max(member, twin)];
      return way.every((other) => other === member || other < low || other > high);
    });
  }

  /** A first stretch that is a jump: blames the start. */
  function blameOrigin(): void {
    if (members.length < 3) return;
    const [start, next] = members;
    const end = members[members.length - 1];
    const farthest = Math.max(...members.map((member) => whole.at(start, member)));
    const share = (prints[next].step - prints[start].step) / (prints[end].step - prints[start].step);
    const jump = whole.at(start, next) / farthest;
    if (!(jump > jumpShare && share <= jumpSteps)) return;
    const steps = prints[next].step - prints[start].step;
    blame(
      prints[start].step,
      "origin",
      `the first ${steps} steps cover ${shown(100 * jump)} % of the farthest distance, the next stretch ${shown((100 * whole.at(next, members[2])) / farthest)} %`,
    );
  }
}

function duplicateFacts(step: number, twins: readonly number[]): string {
  const named = twins.slice(0, twins.length > 4 ? 3 : 4).join(", ");
  const more = twins.length > 4 ? ` and ${twins.length - 3} more` : "";
  const first = step <= 1 && twins.some((twin) => twin <= 1) ? "; step 0 and step 1 are one" : "";
  return `equal to step ${named}${more}${first}`;
}

/** A checkpoint and the way that it is not on. */
interface OffWay {
  readonly own: number;
  readonly members: readonly number[];
}

const nearestOf = (whole: Distances, { own, members }: OffWay) =>
  members.reduce((best, m) => (whole.at(own, m) < whole.at(own, best) ? m : best));
const besideOf = ({ own, members }: OffWay) =>
  [members.filter((m) => m < own).at(-1), members.find((m) => m > own)].filter((m) => m !== undefined);

/** Whether a checkpoint lies elsewhere on the way, or off it: farther from both its neighbours than they are apart. */
function ruleOf(whole: Distances, off: OffWay): GateRuleId {
  const [before, after] = besideOf(off);
  if (after === undefined || !isForeign(whole, [before, off.own, after])) return "order";
  const toOwnPlace = Math.min(whole.at(before, off.own), whole.at(off.own, after));
  return whole.at(off.own, nearestOf(whole, off)) < otherPlaceShare * toOwnPlace ? "order" : "foreign";
}

function placeFacts(prints: readonly Fingerprint[], whole: Distances, { own, members }: OffWay): string {
  const nearest = nearestOf(whole, { own, members });
  const beside = besideOf({ own, members });
  const besides = beside.map((m) => `${shown(whole.at(own, m))} to step ${prints[m].step}`).join(" and ");
  const apart =
    beside.length === 2 ? `, which are ${shown(whole.at(beside[0], beside[1]))} from each other` : "";
  const era = nearest > own ? "later" : "earlier";
  const where = beside.includes(nearest)
    ? ""
    : `; nearest to the ${era} step ${prints[nearest].step}, ${shown(whole.at(own, nearest))}`;
  return `distance ${besides}${apart}${where}`;
}
