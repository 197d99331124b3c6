/**
 * What a journal does in its life, and what must be there when the power fails in the middle of it.
 *
 * The model is a list of records and a map of parts. An operation that has returned is in the model; one under way may
 * be there or not, and nothing else may.
 */
import type { RandomStream } from "../../src/base/random.ts";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { publish } from "../../src/cli/disk/publish.ts";
import { type Journal, openJournal } from "../../src/cli/journal/journal.ts";
import type { Locker } from "../../src/cli/journal/lock.ts";
import { publishFirst } from "../../src/cli/journal/publishFirst.ts";

/** Folder of the journal on the simulated disk, inside one that is new too. */
export const journalPath = "/runs/one";
/** A file beside the parts that is replaced, as a manifest is. */
const replacedPath = `${journalPath}/manifest.json`;
/** A file that the first to write it keeps, as a sweep's result is. */
const firstPath = `${journalPath}/first.json`;

/** What is on the disk as far as it was acknowledged. */
export interface Model {
  /** Records that tell something, by what they tell, and those that the journal writes of its own for parts. */
  readonly records: readonly string[];
  /** Bytes of parts, by path; a part is written once in a life, so its path tells its bytes. */
  readonly parts: readonly string[];
  /** Version of the file that is replaced; −1 before the first. */
  readonly version: number;
  /** Whether the file that is never replaced is there. */
  readonly first: boolean;
}

/** An operation: what it makes of the model, and how it is done. */
interface Operation {
  readonly after: Model;
  perform(journal: Journal, disk: Disk): void;
}

const noLock: Locker = () => ({ check: () => {}, release: () => {} });

/** Opens the journal; locks are tested with real processes. */
export function openStory(disk: Disk): Journal {
  return openJournal({ path: journalPath, shown: "runs/one", date: () => new Date(0), disk, lock: noLock });
}

/** The bytes of a part or a version: of a length and a content that its name decides. */
function bytesOf(name: string): Uint8Array {
  let state = 2166136261;
  for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 16777619);
  const bytes = new Uint8Array((state >>> 0) % 2200);
  for (let i = 0; i < bytes.length; i++) {
    state = Math.imul(state ^ i, 16777619);
    bytes[i] = (state >>> 24) | 1; // never zero: a sector that did not reach the disk is told from one that did
  }
  return bytes;
}

const emptyModel: Model = { records: [], parts: [], version: -1, first: false };

function nextOperation(stream: RandomStream, model: Model, turn: number): Operation {
  const pick = stream.integer(10);
  const { records, parts, version } = model;
  if (pick < 3) {
    const note = `${turn}:${"n".repeat(stream.integer(900))}`;
    return {
      after: { ...model, records: [...records, note] },
      perform: (journal) => journal.append({ event: "told", note }),
    };
  }
  if (pick < 6) {
    const path = `work/k${stream.integer(3)}/${turn}.part`;
    return {
      after: { ...model, parts: [...parts, path] },
      perform: (journal) => void journal.keep(path, bytesOf(path)),
    };
  }
  if (pick < 7 && parts.length > 0) {
    const from = stream.integer(parts.length);
    const gone = parts.slice(from, from + 1 + stream.integer(2));
    return {
      after: { ...model, parts: parts.filter((path) => !gone.includes(path)) },
      perform: (journal) => journal.drop(gone),
    };
  }
  if (pick < 8)
    return {
      after: { ...model, version: version + 1 },
      perform: (_, disk) => publish(disk, replacedPath, bytesOf(`version ${version + 1}`)),
    };
  if (pick < 9)
    return {
      after: { ...model, first: true },
      perform: (_, disk) => {
        const outcome = publishFirst(disk, firstPath, bytesOf(model.first ? "second" : "first"));
        if (outcome !== (model.first ? "there" : "first")) throw new Error(`publishFirst said "${outcome}"`);
      },
    };
  return { after: { ...model, parts: [] }, perform: (journal) => journal.clear() };
}

/** Where a story is: what was acknowledged, and what is under way. */
export interface Instant {
  readonly acknowledged: Model;
  readonly underWay: Model;
}

/** Lives a life of so many operations on an empty disk; `at.now` is kept up to date for whoever looks meanwhile. */
export function liveStory(disk: Disk, stream: RandomStream, turns: number, at: { now: Instant }): void {
  let model = emptyModel;
  at.now = { acknowledged: model, underWay: model };
  let journal = openStory(disk);
  for (let turn = 0; turn < turns; turn++) {
    if (stream.integer(8) === 0) {
      journal.release();
      journal = openStory(disk);
    }
    const operation = nextOperation(stream, model, turn);
    at.now = { acknowledged: model, underWay: operation.after };
    operation.perform(journal, disk);
    model = operation.after;
    at.now = { acknowledged: model, underWay: model };
  }
  journal.release();
}

/**
 * Opens what a crash left and holds it against what may be there.
 *
 * @param disk    the disk after the crash; opening mends it
 * @param files   its paths, when asked
 * @param opened  called when it is mended
 * @returns       what is wrong, a phrase each
 */
export function judge(
  disk: Disk,
  { acknowledged, underWay }: Instant,
  files: () => Map<string, Uint8Array | null>,
  opened: () => void,
): string[] {
  const complaints: string[] = [];
  const journal = openStory(disk);
  opened();
  const records = journal.past.filter(({ event }) => event === "told").map(({ note }) => String(note));
  const parts = journal.kept.map(({ path }) => path);

  const same = (a: readonly string[], b: readonly string[]) =>
    a.length === b.length && a.every((x, i) => x === b[i]);
  const which = (found: readonly string[], field: "records" | "parts") =>
    same(found, acknowledged[field]) || same(found, underWay[field]);
  if (!which(records, "records"))
    complaints.push(`${records.length} records, of ${acknowledged.records.length} that were acknowledged`);
  if (!which(parts, "parts"))
    complaints.push(`the parts ${parts.join(", ")}; acknowledged were ${acknowledged.parts.join(", ")}`);
  for (const path of parts) {
    const bytes = journal.read(path);
    if (bytes === null || !Buffer.from(bytesOf(path)).equals(bytes))
      complaints.push(`the part ${path} is lost`);
  }

  const content = (path: string) => files().get(path) ?? null;
  const holds = (path: string, name: string) => {
    const bytes = content(path);
    return bytes !== null && Buffer.from(bytesOf(name)).equals(bytes);
  };
  const versions = [acknowledged.version, underWay.version];
  const version = versions.find((each) =>
    each === -1 ? content(replacedPath) === null : holds(replacedPath, `version ${each}`),
  );
  if (version === undefined) complaints.push(`${replacedPath} is neither the old nor the new one`);
  const first = content(firstPath) !== null;
  if (first ? !holds(firstPath, "first") : acknowledged.first)
    complaints.push(`${firstPath} is not the first one`);
  if (first && !underWay.first) complaints.push(`${firstPath} came from nowhere`);

  for (const path of files().keys()) {
    const isLitter = /\/\.[^/]*\.tmp$/.test(path);
    const isStray = path.startsWith(`${journalPath}/work/`) && files().get(path) !== null;
    if (isLitter || (isStray && !parts.includes(path.slice(journalPath.length + 1))))
      complaints.push(`${path} is litter after the opening`);
  }
  // it must be possible to go on
  journal.append({ event: "told", note: "after the crash" });
  journal.release();
  const again = openStory(disk);
  if (again.past.at(-1)?.note !== "after the crash" || again.epoch !== journal.epoch + 1)
    complaints.push("what was appended after the crash is not read");
  if (again.notices.length > 0) complaints.push(`a second opening mends again: ${again.notices.join(" ")}`);
  again.release();
  return complaints;
}
