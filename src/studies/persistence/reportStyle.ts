/** The style sheet of the report: one quiet column that a phone, a desk and a printer can all read. */
import { fontStack, themeCss } from "../../figures/index.ts";

/** Everything between `<style>` and `</style>`. It names nothing outside the page. */
export const reportCss = `${themeCss}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 ${fontStack}; font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
main { max-width: 984px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 21px; line-height: 1.3; margin: 56px 0 12px; }
h3 { font-size: 17px; line-height: 1.35; margin: 0; max-width: 46em; }
p { margin: 0 0 12px; max-width: 44em; }
.lead { font-size: 18px; line-height: 1.5; margin-top: 18px; }
.question, .reading, .facts, .caption { color: var(--muted); }
.question { margin: 2px 0 14px; }
.reading, .caption { font-size: 13px; line-height: 1.5; margin: 10px 0 0; max-width: 62em; }
.facts { font-size: 14px; }
.reading b { font-weight: 600; color: var(--ink); }
.alarm { border-left: 4px solid var(--now); padding: 2px 0 2px 16px; margin: 20px 0; }
.alarm strong { color: var(--now); }
nav ul { list-style: none; margin: 16px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14px; }
a { color: inherit; text-decoration-color: var(--null-line); text-underline-offset: 2px; }
figure { margin: 0 0 60px; }
.panels { display: flex; flex-wrap: wrap; gap: 20px 24px; align-items: flex-start; }
.panel { flex: 0 1 auto; min-width: 0; }
.panel-title { font-size: 13px; font-weight: 600; margin: 0 0 4px; }
.plot { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; margin: 12px 0 0; }
table { border-collapse: collapse; font-size: 14px; line-height: 1.4; }
caption { text-align: left; font-weight: 600; padding: 0 0 6px; }
th { font-weight: 600; text-align: left; vertical-align: bottom; color: var(--muted); }
th, td { padding: 6px 18px 6px 0; border-bottom: 1px solid var(--rule); }
td { vertical-align: top; }
tbody th { color: var(--ink); vertical-align: top; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.word { white-space: nowrap; }
.interval { color: var(--muted); font-size: 13px; }
.claims td:nth-child(3) { white-space: nowrap; font-weight: 600; }
.claims td:nth-child(n + 4) { font-size: 13px; color: var(--muted); }
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; white-space: pre-wrap; padding: 12px 0; margin: 0; }
details { margin: 12px 0; }
summary { cursor: pointer; font-weight: 600; }
li { max-width: 44em; margin: 0 0 6px; }
.terms { font-size: 13px; color: var(--muted); margin: 14px 0 0; padding-left: 18px; }
.terms li { max-width: 62em; margin: 0 0 3px; }
.terms b { font-weight: 600; color: var(--ink); }
@media (max-width: 640px) {
  main { padding: 24px 16px 60px; }
  h1 { font-size: 25px; }
  .claims thead { display: none; }
  .claims tr { display: block; padding: 10px 0; border-bottom: 1px solid var(--rule); }
  .claims td, .claims th { display: block; border: 0; padding: 2px 0; }
  .claims td:nth-child(n + 4)::before { content: attr(data-label) ": "; font-weight: 600; }
}
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  figure, tr, .alarm { break-inside: avoid; }
  h2, h3, figcaption { break-after: avoid; }
  .scroll { overflow: visible; }
}
`;
