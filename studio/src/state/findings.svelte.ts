/** The findings that a person keeps in this browser. */
import { ArgumentError } from "../../../src/base/errors.ts";
import { type Finding, findingLimits, findingsFrom, findingsText } from "./findingsFile.ts";

/** Where the browser keeps them between visits. */
const STORE = "palimpsest findings";

/**
 * The findings of this browser. They stay when the page is closed, where the browser lets a page keep anything, and are
 * the same in all its tabs.
 */
export class Findings {
  list = $state.raw<readonly Finding[]>(read());

  constructor() {
    window.addEventListener("storage", ({ key }) => {
      if (key === STORE || key === null) this.list = read();
    });
  }

  /** Keeps a finding; of the oldest there are as many as a file can hold. */
  keep(title: string, link: string): void {
    const finding = {
      title: title.slice(0, findingLimits.title),
      note: "",
      link,
      kept: new Date().toISOString(),
    };
    this.#set([...this.list, finding].slice(-findingLimits.findings));
  }

  change(finding: Finding, part: Partial<Pick<Finding, "title" | "note">>): void {
    this.#set(this.list.map((one) => (one === finding ? { ...one, ...part } : one)));
  }

  remove(finding: Finding): void {
    this.#set(this.list.filter((one) => one !== finding));
  }

  /**
   * Adds those of a file that are not there yet.
   *
   * @throws ArgumentError in a sentence if that would be more than a file can hold
   */
  add(findings: readonly Finding[]): void {
    const known = new Set(this.list.map((one) => JSON.stringify(one)));
    const list = [...this.list, ...findings.filter((one) => !known.has(JSON.stringify(one)))];
    if (list.length > findingLimits.findings)
      throw new ArgumentError({
        where: "findings",
        rule: `at most ${findingLimits.findings} can be kept`,
        got: String(list.length),
        wayOut: "Save those that there are as a file, and remove some.",
      });
    this.#set(list);
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
    return []; // what is not ours to read, or not readable
  }
}
