/** Findings that a person kept: a sentence with its numbers, a note, and the link that computes it again. */
import { z } from "zod";
import { ArgumentError } from "../../../src/base/errors.ts";

const findingSchema = z.strictObject({
  /** The sentence, with its numbers. */
  title: z.string().max(500),
  note: z.string().max(20_000),
  /** The part of the page's address after `#`. */
  link: z.string().max(20_000),
  /** When it was kept, ISO 8601. */
  kept: z.iso.datetime(),
});

/** A kept finding. */
export type Finding = z.infer<typeof findingSchema>;

const fileSchema = z.strictObject({
  format: z.literal("palimpsest findings"),
  findings: z.array(findingSchema).max(1000),
});

/** Where the browser keeps them between visits. */
const STORE = "palimpsest findings";

/**
 * The text of a file of findings.
 *
 * @throws ArgumentError in a sentence if it is none
 */
export function findingsFrom(text: string): Finding[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ArgumentError({ where: "findings", rule: "must be a JSON file", got: text.slice(0, 40) });
  }
  const { data, error } = fileSchema.safeParse(value);
  if (data !== undefined) return data.findings;
  const [{ path, message }] = error.issues;
  throw new ArgumentError({ where: `findings: ${path.join(".") || "the file"}`, rule: message });
}

/** A file of findings; {@link findingsFrom} reads it. */
export function findingsText(findings: readonly Finding[]): string {
  return `${JSON.stringify({ format: "palimpsest findings", findings }, null, 1)}\n`;
}

/** The findings of this browser. They stay when the page is closed, where the browser lets a page keep anything. */
export class Findings {
  list = $state.raw<readonly Finding[]>(read());

  keep(title: string, link: string): void {
    this.#set([...this.list, { title, note: "", link, kept: new Date().toISOString() }]);
  }

  change(finding: Finding, part: Partial<Pick<Finding, "title" | "note">>): void {
    this.#set(this.list.map((one) => (one === finding ? { ...one, ...part } : one)));
  }

  remove(finding: Finding): void {
    this.#set(this.list.filter((one) => one !== finding));
  }

  /** Adds those of a file that are not there yet. */
  add(findings: readonly Finding[]): void {
    const known = new Set(this.list.map((one) => JSON.stringify(one)));
    this.#set([...this.list, ...findings.filter((one) => !known.has(JSON.stringify(one)))]);
  }

  #set(list: readonly Finding[]): void {
    this.list = list;
    try {
      localStorage.setItem(STORE, findingsText(list));
    } catch {
      // a page that may keep nothing still works until it is closed
    }
  }
}

function read(): Finding[] {
  try {
    const text = localStorage.getItem(STORE);
    return text === null ? [] : findingsFrom(text);
  } catch {
    return [];
  }
}
