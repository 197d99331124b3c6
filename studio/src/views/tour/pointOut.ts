/** Points at parts of the page without moving anything. */

/**
 * Draws an outline around whatever the selectors match, now or later: views draw their parts anew as they train.
 *
 * @returns what takes it away again
 */
export function pointOut(selectors: readonly string[]): () => void {
  // a constructed sheet needs no exception from the page's policy
  const sheet = new CSSStyleSheet();
  const selector = `:is(${selectors.join(", ")})`;
  sheet.replaceSync(`
    ${selector} { outline: 3px solid var(--now); outline-offset: 3px; border-radius: 3px; }
    ${selector}:focus-visible { outline-color: var(--then); }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  };
}

/** Where time is set; it stays at the top of the page. */
const STICKY = 'section[aria-label="Training"]';
/** Room above a part, px. */
const GAP = 16;

/** Scrolls to the first part that there is below what stays at the top, as calmly as the person wants it. */
export function scrollToPart(selectors: readonly string[]): void {
  const bar = document.querySelector(STICKY);
  const parts = [...document.querySelectorAll(selectors.join(", "))];
  const part = parts.find((one) => !bar?.contains(one));
  if (part === undefined) return;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  const covered = bar?.getBoundingClientRect().height ?? 0;
  scrollBy({ top: part.getBoundingClientRect().top - covered - GAP, behavior });
}
