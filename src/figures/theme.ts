/**
 * The visual language of every picture: then is cool, now is warm, the null is grey and lies behind both.
 *
 * Colours are CSS variables, so that one SVG serves a light page, a dark page and paper. {@link themeCss} defines them;
 * figures only ever name them.
 */

/** Before training: the one cool hue. */
export const thenColor = "var(--then)";
/** After training, and what happens on the way: the one warm hue. */
export const nowColor = "var(--now)";
/** Fill of a null's band or area. */
export const nullFill = "var(--null-fill)";
/** Line or tick of a null. */
export const nullLine = "var(--null-line)";
/** Text and estimates that are neither then nor now. */
export const ink = "var(--ink)";
/** Text of second rank. */
export const muted = "var(--muted)";
/** The page behind a picture; also the halo of labels. */
export const paper = "var(--paper)";
/** The two poles of signed values. Their middle is the paper: a value v in [−1, 1] is its pole at opacity |v|. */
export const divergingPoles = { below: "var(--below)", above: "var(--above)" } as const;

/**
 * Ten steps of an amount, from little (near the paper) to much (far from it), so that light and dark pages mirror each
 * other: the same colours in reverse. Lightness falls evenly, and text is ink on the first five and paper on the others:
 * contrast 4.2 : 1 at least.
 */
export const amountColors: readonly string[] = Array.from(
  { length: 10 },
  (_, level) => `var(--amount-${level})`,
);
/** Thin lines that separate. */
export const rule = "var(--rule)";

/**
 * Okabe–Ito hues for categories, without the two that mean then and now.
 *
 * @source Okabe & Ito 2008, "Color universal design"
 */
export const categoryColors = [
  "var(--category-1)",
  "var(--category-2)",
  "var(--category-3)",
  "var(--category-4)",
] as const;

/** Typefaces with tabular figures that come with the common systems; nothing is fetched. */
export const fontStack =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", "DejaVu Sans", sans-serif';

/** Font sizes inside pictures, px. */
export const fontSize = { label: 11, small: 9 } as const;

/** Hues from yellow over green to blue, CIE lightness 93 to 16. */
const amountStops = [
  "#e9eece",
  "#c6dfae",
  "#93cf9b",
  "#59ba95",
  "#1aa295",
  "#00778b",
  "#00628f",
  "#004d87",
  "#003876",
  "#1d2359",
];
const amountVariables = (stops: readonly string[]) =>
  stops.map((color, level) => `--amount-${level}: ${color};`).join(" ");

const lightColors = `
  --paper: #ffffff; --ink: #1d2126; --muted: #5b636d; --rule: #d9dce0;
  --then: #0072b2; --now: #d55e00; --null-fill: #e3e4e6; --null-line: #8b9097;
  --below: #0b4f9c; --above: #a8101d;
  --category-1: #cc79a7; --category-2: #009e73; --category-3: #e69f00; --category-4: #56b4e9;
  ${amountVariables(amountStops)}`;

const darkColors = `
  --paper: #15181c; --ink: #e6e8ea; --muted: #a2a9b2; --rule: #363c44;
  --then: #56b4e9; --now: #f28a4a; --null-fill: #33383f; --null-line: #868d97;
  --below: #6db1f2; --above: #f4776d;
  --category-1: #d68fb6; --category-2: #1fb58c; --category-3: #e8ae33; --category-4: #7cc6ee;
  ${amountVariables([...amountStops].reverse())}`;

/**
 * The style sheet that pictures need, for a page or for the `<style>` of a single SVG.
 *
 * Paper is light whatever the screen was.
 */
export const themeCss = `
:root { color-scheme: light dark; ${lightColors} }
@media screen and (prefers-color-scheme: dark) { :root { ${darkColors} } }
.plot { display: block; font: ${fontSize.label}px ${fontStack}; font-variant-numeric: tabular-nums; color: var(--ink); overflow: visible; }
.plot text { white-space: pre; }
`;
