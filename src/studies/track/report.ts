/** The report of tracked series: one HTML file that needs nothing else. The gate comes first. */
import {
  type CoursePanel,
  counted,
  escapeHtml,
  type FigureSpec,
  fixed,
  listed,
  networksSentence,
  renderFigureHtml,
  trackedHeads,
  trackedLoss,
  trackedMotion,
  trackedPersistence,
  trackedSelectivity,
} from "../../figures/index.ts";
import { type Cell, tableHtml } from "../experiments/reportTables.ts";
import { againHtml, reportPage } from "../protocol/report.ts";
import type { JudgedSeries, LayerNumbers, TrackResult } from "./result.ts";
import {
  bestHead,
  commonSteps,
  followedHeads,
  headPanels,
  lossPanels,
  motionPanels,
  overNetworks,
  persistencePanels,
  randomTop,
  selectivityPanels,
  topUnits,
  tunedTitle,
} from "./summarise.ts";

/** What {@link trackReport} is made from. */
export interface TrackReportInput {
  readonly result: TrackResult;
  /** What the bits depend on: label and value. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Where the figures are drawn; nothing is attached to it. */
  readonly document: Document;
}

const lastOf = (one: JudgedSeries) => one.checkpoints[one.checkpoints.length - 1];

/** Which checkpoint everything is compared with, in words. */
export function startText({ series }: TrackResult): string {
  const starts = [...new Set(series.map(({ checkpoints }) => checkpoints[0].step))];
  if (series.every(({ startsUntrained }) => startsUntrained)) return "initialisation (step 0)";
  return `step ${listed(starts.map(String))}`;
}

/** The mean persistence of each layer at the last common step, with both nulls. */
export function finalPersistence({ series }: TrackResult) {
  const last = commonSteps(series).at(-1);
  if (last === undefined) return [];
  const at = (one: JudgedSeries) => one.checkpoints.find(({ step }) => step === last)?.layers ?? [];
  return at(series[0]).map(({ layer }) => {
    const over = (of: (numbers: LayerNumbers) => number) =>
      overNetworks(series.map((one) => of(at(one)[layer])));
    return {
      layer,
      r: over(({ r }) => r.all),
      corrected: over(({ corrected }) => corrected.all),
      shuffled: over(({ shuffled }) => shuffled.all.mean),
      random: over(({ randomR }) => overNetworks(randomR.all).value),
    };
  });
}

function persistenceFinding(result: TrackResult): string {
  const parts = finalPersistence(result).map(
    ({ layer, r, shuffled, random }) =>
      `L${layer} ${fixed(r.value)} (shuffled ${fixed(shuffled.value)}, random ${fixed(random.value)})`,
  );
  const shown = parts.length > 4 ? [parts[0], parts[parts.length >> 1], parts[parts.length - 1]] : parts;
  const faulty = faultySteps(result);
  const warning =
    faulty.length > 0 ? ` Faulty checkpoints are among the measured: ${faulty.join(", ")}.` : "";
  return `Tuning kept since ${startText(result)}: ${shown.join("; ")}.${warning}`;
}

function selectivityFinding({ series, probe }: TrackResult): string {
  const over = (
    of: (numbers: LayerNumbers) => number,
    which: (one: JudgedSeries) => readonly LayerNumbers[],
  ) => overNetworks(series.map((one) => overNetworks(which(one).map(of)).value)).value;
  const first = (one: JudgedSeries) => one.checkpoints[0].layers;
  const last = (one: JudgedSeries) => lastOf(one).layers;
  const parts = (["class", "position", "context"] as const).map((name) => {
    const of = ({ selectivity }: LayerNumbers) => selectivity[name];
    const title = name === "position" ? name : name === "class" ? probe.classesAre : "token before";
    return `${title} ${fixed(over(of, first))} to ${fixed(over(of, last))}`;
  });
  return `Mean selectivity, first to last checkpoint: ${parts.join(", ")}.`;
}

function headsFinding({ series }: TrackResult): string {
  const parts = followedHeads.map((kind) => {
    const words = kind === "previous" ? "previous token" : "induction";
    if (series.length > 1) {
      const [first, last] = [
        overNetworks(series.map((one) => bestHead(one.checkpoints[0], kind).score)),
        overNetworks(series.map((one) => bestHead(lastOf(one), kind).score)),
      ];
      return `${words} ${fixed(first.value)} to ${fixed(last.value)}`;
    }
    const [first, last] = [bestHead(series[0].checkpoints[0], kind), bestHead(lastOf(series[0]), kind)];
    return `${words} ${fixed(first.score)} to ${fixed(last.score)} (${last.name})`;
  });
  return `Best head, first to last checkpoint: ${parts.join("; ")}.`;
}

/** Steps that are faulty in any series and were measured all the same. */
const faultySteps = ({ series }: TrackResult) =>
  [...new Set(series.flatMap(({ forced }) => forced))].sort((a, b) => a - b);

/** Every figure in reading order. */
export function trackFigures(result: TrackResult): FigureSpec[] {
  const { series } = result;
  const faulty = faultySteps(result);
  const marked = (panels: readonly CoursePanel[]) => panels.map((panel) => ({ ...panel, faulty }));
  const of = { seeds: `${networksSentence(series.length)}.`, random: result.randomNetworks };
  const losses = lossPanels(result);
  const over = (which: (one: JudgedSeries) => number) => overNetworks(series.map(which)).value;
  const figures: FigureSpec[] = [];
  if (losses.length > 0)
    figures.push(
      trackedLoss(marked(losses), {
        ...of,
        seeds:
          series.length > 1
            ? of.seeds
            : `one network; the interval is over ${counted(result.probe.sequences, "sequence")} of the probe, not over seeds.`,
        first: over((one) => one.checkpoints[0].loss.estimate),
        last: over((one) => lastOf(one).loss.estimate),
      }),
    );
  if (series[0].checkpoints[0].layers.length > 0) {
    const finding = persistenceFinding(result);
    figures.push(
      trackedPersistence(marked(persistencePanels(result)), { ...of, finding, first: startText(result) }),
      trackedSelectivity(marked(selectivityPanels(result)), { ...of, finding: selectivityFinding(result) }),
    );
  }
  const heads = headPanels(result);
  if (heads.length > 0) figures.push(trackedHeads(marked(heads), { ...of, finding: headsFinding(result) }));
  const motion = motionPanels(result);
  const ends = (motion[0]?.courses ?? [])
    .map(({ label, points }) => ({ label, value: points.at(-1)?.value ?? Number.NaN }))
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => a.value - b.value);
  if (ends.length > 0) {
    const [least, most] = [ends[0], ends[ends.length - 1]];
    figures.push(
      trackedMotion(marked(motion), {
        ...of,
        ...{ most: most.label, byMost: most.value, least: least.label, byLeast: least.value },
      }),
    );
  }
  return figures;
}

/** A step as a row is headed. */
const stepText = ({ forced }: JudgedSeries, step: number) =>
  forced.includes(step) ? `${step} × faulty` : String(step);

const faultText = (faults: JudgedSeries["gate"][number]["faults"]) =>
  faults.map(({ rule, facts }) => `${rule}: ${facts}`).join(". ");

/** One series' gate: every checkpoint with its hash, its place, and what is wrong with it. */
function gateTable({ name, gate, forced }: JudgedSeries): string {
  const verdict = (row: JudgedSeries["gate"][number]) => {
    if (row.faults.length === 0) return "● sound";
    return forced.includes(row.step) ? "× FAULTY, measured by force" : "× left out";
  };
  return tableHtml({
    caption: name,
    open: true,
    columns: ["step", "verdict", "from first", "to last", "cosine to first", "SHA-256", "faults"],
    rows: gate.map((row): Cell[] => [
      ...[String(row.step), verdict(row), row.fromFirst, row.toLast, row.cosine],
      ...[row.sha256?.slice(0, 12) ?? "–", faultText(row.faults)],
    ]),
  });
}

/** Every file of every checkpoint with its hash; nothing where checkpoints are no files. */
function filesTable({ name, gate }: JudgedSeries): string {
  const rows = gate.flatMap(({ step, files }) =>
    Object.entries(files).map(([file, sha256]): Cell[] => [String(step), file, sha256 ?? "cannot be read"]),
  );
  const caption = `${name}: SHA-256 of every file`;
  return rows.length === 0 ? "" : tableHtml({ caption, columns: ["step", "file", "SHA-256"], rows });
}

function gateHtml({ series, rules }: TrackResult): string {
  const list = rules.map(
    ({ id, rule, reason }) => `<li><b>${escapeHtml(id)}</b>: ${escapeHtml(rule)}. ${escapeHtml(reason)}</li>`,
  );
  return `${series.map(gateTable).join("\n")}
<p class="caption">Distances are relative, root mean square over matrices, from sketches of some thousand numbers a tensor (error about 1 %). SHA-256 is over names, shapes and bytes of all tensors; result.json has it for each tensor.</p>
${series.map(filesTable).join("\n")}
<details><summary>The rules (${rules.length})</summary><ul>${list.join("\n")}</ul></details>`;
}

function alarms({ series }: TrackResult): string {
  const texts = series.flatMap(({ name, gate, forced, initialised, startsUntrained }) => {
    const faulty = gate.filter(({ faults }) => faults.length > 0).map(({ step }) => step);
    const left = faulty.filter((step) => !forced.includes(step));
    const many = 3 * faulty.length > gate.length;
    return [
      ...(left.length > 0
        ? [
            `<strong>Left out of ${escapeHtml(name)}:</strong> step ${escapeHtml(left.join(", "))}. The table says why.`,
          ]
        : []),
      ...(forced.length > 0
        ? [
            `<strong>Faulty and measured by force, ${escapeHtml(name)}:</strong> step ${escapeHtml(forced.join(", "))}. Nothing that rests on them is evidence.`,
          ]
        : []),
      ...(many
        ? [
            `<strong>More than a third of ${escapeHtml(name)} is faulty.</strong> Which part is right is then a guess of the gate's, and should be checked by hand.`,
          ]
        : []),
      ...(!startsUntrained
        ? [
            `<strong>No initialisation in ${escapeHtml(name)}.</strong> Persistence is measured from its first sound checkpoint, which has been trained${initialised === null ? ", or has no norm that could tell" : ""}.`,
          ]
        : initialised === null
          ? [
              `<strong>Unverified initialisation of ${escapeHtml(name)}.</strong> It has no norm that could tell whether step 0 was trained.`,
            ]
          : []),
    ];
  });
  return texts.map((text) => `<p class="alarm" role="note">${text}</p>`).join("\n");
}

function numbersHtml(result: TrackResult): string {
  const { series } = result;
  const interval = ({ value, low, high }: { value: number; low: number; high: number }): Cell => ({
    estimate: value,
    ...{ low, high },
  });
  const persistence = tableHtml({
    caption: `Persistence since ${startText(result)}, at the last common step`,
    open: true,
    columns: ["layer", "tuning r", "corrected for noise", "shuffled identity", "random networks"],
    rows: finalPersistence(result).map(({ layer, r, corrected, shuffled, random }): Cell[] => [
      ...[`L${layer}`, interval(r), interval(corrected), interval(shuffled), interval(random)],
    ]),
  });
  const courses = series.map((one) =>
    tableHtml({
      caption: `${one.name}: every layer at every checkpoint`,
      columns: [
        ...["step", "layer", "loss [95 % over sequences]", "r", "corrected", "shuffled", "p", "random"],
        ...(["class", "position", "context", "interaction"] as const).map((name) => `selectivity: ${name}`),
        ...["reliability", "units without curve"],
      ],
      rows: one.checkpoints.flatMap(({ step, loss, layers }) =>
        layers.map((numbers): Cell[] => [
          ...[stepText(one, step), `L${numbers.layer}`, loss, numbers.r.all, numbers.corrected.all],
          ...[numbers.shuffled.all.mean, numbers.shuffled.all.p, overNetworks(numbers.randomR.all).value],
          ...(["class", "position", "context", "interaction"] as const).map(
            (name) => numbers.selectivity[name],
          ),
          ...[numbers.reliability.all, numbers.flat],
        ]),
      ),
    }),
  );
  const top = series.map((one) =>
    tableHtml({
      caption: `${one.name}: units most selective for the ${result.probe.classesAre} at step ${lastOf(one).step}`,
      columns: ["unit", "selectivity", "prefers", "r of this curve", "at first: selectivity", "preferred"],
      rows: topUnits(one, result.probe).map(
        ({ unit, selectivity, prefers, r, before, preferred }): Cell[] => [
          ...[unit, selectivity, prefers ?? "–", r, before, preferred ?? "–"],
        ],
      ),
    }),
  );
  const heads = series.map((one) =>
    tableHtml({
      caption: `${one.name}: best heads`,
      columns: ["step", ...followedHeads.flatMap((kind) => [`${kind}: head`, "score"])],
      rows: [
        ...one.checkpoints.flatMap((checkpoint): Cell[][] =>
          checkpoint.heads === null
            ? []
            : [
                [
                  stepText(one, checkpoint.step),
                  ...followedHeads.flatMap((kind) => {
                    const { name, score } = bestHead(checkpoint, kind);
                    return [name, score];
                  }),
                ],
              ],
        ),
        ...(one.random.some(({ heads: own }) => own !== null)
          ? [
              [
                "random networks, best",
                ...followedHeads.flatMap((kind): Cell[] => ["any", randomTop(one, kind)]),
              ],
            ]
          : []),
      ],
    }),
  );
  return [persistence, ...courses, ...top, ...heads].join("\n");
}

/** What the classes are, as the beginning of a sentence. */
const classesText = (classesAre: string) =>
  classesAre === "class of the token"
    ? "Classes of a token"
    : `Tokens of no word, or of more than one, are in no table. The class of any other is the ${classesAre} of the word that it is part of`;

function methodHtml({ series, probe, randomNetworks }: TrackResult): string {
  const models = series.map(
    ({ name, config }) =>
      `<li><b>${escapeHtml(name)}</b>: ${counted(config.nLayers, "layer")}, dModel ${config.dModel}, ${counted(config.nHeads, "head")}, dMlp ${config.dMlp}, ${counted(config.dVocab, "token")}.</li>`,
  );
  return `<ul>
${models.join("\n")}
<li>Probe: ${escapeHtml(probe.name)}; ${counted(probe.sequences, "sequence")} of ${counted(probe.positions, "position")}, the same for all networks and checkpoints. It is no balanced design: what is often together in the text is together here.</li>
<li>${escapeHtml(classesText(probe.classesAre))} (${probe.classes.length}): ${escapeHtml(probe.classes.slice(0, 40).join(" · "))}${probe.classes.length > 40 ? " …" : ""}. Classes of the token before (${probe.contexts.length}): ${escapeHtml(probe.contexts.slice(0, 40).join(" · "))}${probe.contexts.length > 40 ? " …" : ""}.</li>
<li>Curves are plain means of cells with at least ${probe.leastCount} observations in each half of the probe. Effects of a factor are those of the additive model of all kept cells, each counted once: what unequal frequencies of classes do is taken out.</li>
<li><b>${escapeHtml(tunedTitle("context", probe))}</b> is beside the class of the token itself; the first position of a sequence has no token before it that a network sees, and is left out there.</li>
<li>Selectivity is the variance of a factor's effects over that of the unit. The effects are multiplied between two halves of the probe (every other sequence), so that noise adds nothing to them on average. It is a share of variance where every cell has enough observations; where cells are missing, levels and cells no longer weigh alike, and it is a ratio that can exceed 1; reliability is Spearman–Brown of the halves, and “corrected” divides by it.</li>
<li>The units that are most selective are picked by the numbers that are shown of them: the highest of many are high by chance too, and the means over the layer are the estimate.</li>
<li><b>Shuffled identity</b>: the same curves with units of a layer paired at random; its expectation is computed over all pairings of different units. <b>Random networks</b>: ${escapeHtml(randomNetworks)}; their r is the mean over all pairs of one of their units and one of the checkpoint's.</li>
<li>${series.length === 1 ? "One network is one unit of replication: there is no interval over seeds here, whatever the number of its units. Intervals of the loss are over sequences of the probe, and say how far the text decides, not the seed." : "A network is the unit of replication: intervals are t intervals over networks."}</li>
</ul>`;
}

/**
 * The report as the text of one HTML file: style and pictures inside, no script, nothing fetched. Every string that
 * comes from data is escaped.
 */
export function trackReport({ result, facts, document }: TrackReportInput): string {
  const names = listed(result.series.map(({ name }) => name));
  const figures = trackFigures(result).map((figure) => renderFigureHtml(figure, document));
  const parts: (readonly [id: string, title: string, html: string])[] = [
    ["gate", "Integrity: are these the checkpoints that they are called?", gateHtml(result)],
    ["figures", "Figures", figures.join("\n")],
    ["numbers", "Numbers", numbersHtml(result)],
    ["method", "Method and limits", methodHtml(result)],
    ["again", "Run it again", againHtml(result.command, facts)],
  ];
  const links = parts.map(([id, title]) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`);
  const sections = parts.map(
    ([id, title, html]) =>
      `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${escapeHtml(title)}</h2>\n${html}\n</section>`,
  );
  const layers = result.series[0].checkpoints[0].layers.length;
  return reportPage(
    `Palimpsest: ${names} through training`,
    `<header>
<h1>What does training leave of what was there before?</h1>
<p class="facts">Palimpsest, checkpoint series · ${escapeHtml(names)} · ${counted(result.series.length, "network")} · ${counted(commonSteps(result.series).length, "checkpoint")}</p>
<p class="lead">Which checkpoints are what they are called, and how much of what units respond to at ${escapeHtml(startText(result))} is still there at each later one?</p>
${layers > 0 ? `<p><b>${escapeHtml(persistenceFinding(result))}</b></p>` : ""}
${alarms(result)}
<nav aria-label="Sections"><ul>${links.join("")}</ul></nav>
</header>
${sections.join("\n")}`,
    "#gate td { font-size: 13px; } #gate li { max-width: 62em; }",
  );
}
