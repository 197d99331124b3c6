/** The findings of this browser. */
import { type Finding, findingsFrom, findingsText } from "./findingsFile.ts";

/** Where the browser keeps them between visits. */
const STORE = "palimpsest findings";

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
