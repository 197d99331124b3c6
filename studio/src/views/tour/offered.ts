/** Whether this browser was offered the tour before. */

/** Where the browser keeps it between visits. */
const STORE = "palimpsest tour";

/** True where the tour was neither begun nor declined yet; false where the browser lets a page keep nothing. */
export function isTourNew(): boolean {
  try {
    return localStorage.getItem(STORE) === null;
  } catch {
    return false;
  }
}

/** Remembers that the tour was begun or declined. */
export function tourIsKnown(): void {
  try {
    localStorage.setItem(STORE, "known");
  } catch {
    // it is then offered on no visit
  }
}
