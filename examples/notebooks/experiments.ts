// %% [markdown]
// # The five experiments
//
// Take a transformer that nobody has trained and look for features in it. You will find them: neurons that love a token,
// neurons that love a position, units that go together. So much so that a study once concluded that networks do not start
// from a blank slate. The question is what *any* such network would have shown, with nothing in it but chance.
//
// This notebook asks five questions, each with a rule that was written before the networks were drawn, and puts them to two
// populations: four random networks, and the same four after training. Each question has its own null, because "by chance"
// means something else each time.
//
// Outside of the repository, write `npm:palimpsest`, `npm:palimpsest/studies`, `npm:linkedom` and so on for the imports.

// %%
import { parseHTML } from "linkedom";
import {
  constantRate,
  freshBatches,
  grow,
  initialPopulation,
  openTrainer,
  optimizers,
  presets,
  randomStream,
  tasks,
  wasmBackend,
  weightShapes,
} from "palimpsest";
import { type FigureSpec, renderFigure } from "palimpsest/figures";
import {
  type ExperimentsEvent,
  type ExperimentsJob,
  experiments,
  experimentsFigures,
  type PopulationSpec,
  runExperimentsJob,
  type SectionName,
} from "palimpsest/studies";

const { document } = parseHTML("<html><body></body></html>");
const shown = (data: Record<string, string>) => ({ [Symbol.for("Jupyter.display")]: () => data });
const show = (figure: FigureSpec) =>
  shown({ "image/svg+xml": renderFigure(figure, document), "text/plain": figure.title });
const table = (...rows: readonly (readonly string[])[]) => {
  const [head, ...body] = rows.map((cells) => `| ${cells.join(" | ")} |`);
  const text = [
    head,
    rows[0]
      .map(() => "| --- ")
      .join("")
      .concat("|"),
    ...body,
  ].join("\n");
  return shown({ "text/markdown": text, "text/plain": text });
};

// %% [markdown]
// ## Two populations
//
// Four small networks of two layers with a causal mask, and what becomes of them in 320 steps on the original study's
// task, sequences of which three kinds in four can be predicted.

// %%
const config = { ...presets.causal, dMlp: 32 };
const init = { scheme: "pytorch" } as const;
const seeds = [0, 1, 2, 3];
const steps = 320;
const trainer = openTrainer(wasmBackend(), {
  config,
  optimizer: optimizers.adam,
  models: seeds.length,
  batch: 32,
  nPos: config.nCtx - 1,
});
const streams = seeds.map((seed) => randomStream("persistence", seed, "init"));
trainer.writeWeights(initialPopulation(config, init, streams));
const growing = grow(trainer, {
  sources: seeds.map((seed) => freshBatches(tasks.patterns(), ["notebook", seed, "data"], 32)),
  rates: [3e-3],
  schedule: constantRate,
  steps,
  checkpoints: [],
});
let stop = await growing.next();
while (!stop.done) stop = await growing.next();
const finalLosses = [...stop.value.losses[steps - 1]];
const weights: Record<string, Float32Array | Float64Array> = {};
for (const name of weightShapes(config).keys()) weights[name] = await trainer.session.read(name);
trainer.session.close();

const random: PopulationSpec = { name: "random", config, init, step: 0, seeds };
const trained: PopulationSpec = { name: "trained", config, init, step: steps, seeds, weights };
shown({
  "text/plain": `training loss after ${steps} steps: ${finalLosses.map((loss) => loss.toFixed(2)).join(", ")} nats`,
});

// %% [markdown]
// ## Run
//
// All experiments of a population are a list of *jobs*, each some networks, as plain data. Who runs them is none of the
// experiments' business: the command line gives them to worker threads, a page to web workers, and here they run one after the
// other. How they are cut and where they run changes no bit of the numbers.
//
// The null of both populations is the same: eight random networks with other seeds. A job that is plain data can be
// recognised, so those that have been run are not run again.

// %%
const done = new Map<string, ExperimentsEvent[]>();
async function runJobs(
  jobs: readonly ExperimentsJob[],
  tell: (job: number, event: ExperimentsEvent) => void,
) {
  for (const [index, job] of jobs.entries()) {
    const { name: _, ...networks } = job.population;
    const key = JSON.stringify(networks);
    const told = done.get(key) ?? [];
    if (!done.has(key)) await runExperimentsJob(job, wasmBackend(), (event) => told.push(event));
    done.set(key, told);
    for (const event of told) tell(index, event);
  }
}
const settings = { nulls: 8, blocks: 20, draws: 39, positions: null };
const execution = { backend: { name: "wasm" }, runJobs };
const [before] = await experiments([random], settings, execution);
const [after] = await experiments([trained], settings, execution);

const figures = experimentsFigures([before, after]);
const figureOf = (name: string) => show(figures.find((figure) => figure.name.startsWith(name))!);
/** What a rule said of both populations. */
const verdicts = (section: SectionName) =>
  table(
    ["networks", "verdict", "what the rule saw"],
    ...[before, after].map(({ name, sections }) => {
      const { holds, evidence } = sections[section].verdict;
      return [name, holds === null ? "undecided" : holds ? "holds" : "does not hold", evidence];
    }),
  );
const holds = (section: SectionName) =>
  [before, after].map(({ sections }) => sections[section].verdict.holds);
shown({
  "text/plain": `${done.size} jobs, of ${config.nLayers}-layer networks; those of the null served twice`,
});

// %% [markdown]
// ## 1. Feature detection
//
// *Which inputs drive a unit most?* Every unit has a strongest input, even one made of noise, so a list of strongest inputs says
// nothing. What noise has not is a list that another sample finds again. The figure shows the lists of some neurons of the
// first random network.

// %%
figureOf("detection-top-inputs-random");

// %%
verdicts("detection");

// %% [markdown]
// It holds, and by a wide margin: random neurons have inputs of their own. Two lists of one unit share more than those of
// different units, by {{before.sections.detection.verdict.evidence.replace("overlap beyond other units ", "")}} of their length.
// Training makes it *less*: {{after.sections.detection.verdict.evidence.replace("overlap beyond other units ", "")}}. One reason is in sight below: trained neurons also answer to context, to what stood before, and one token at one position settles less.

// %% [check]
holds("detection").every((held) => held === true);
after.sections.detection.numbers.overlapBeyondOtherUnit.high <
  before.sections.detection.numbers.overlapBeyondOtherUnit.low;

// %% [markdown]
// ## 2. Hypothesis testing
//
// *Does unit u respond to token t at position p?* The hypothesis is picked on one half of the probe and tested on the other:
// tested where it was found, it would confirm itself. The probe is balanced, every token stands equally often at every
// position. Over all units of a network the p values are corrected together.

// %%
figureOf("hypotheses-effect-sizes-random");

// %%
verdicts("hypotheses");

// %% [markdown]
// Nearly everything is confirmed, and that is the point. A neuron is a fixed function of its input; of course it responds to
// *something*, and with enough sequences any difference becomes significant. That the procedure is honest is shown by its null:
// with labels permuted, it rejects as often as its level says. Confirmed hypotheses are no discovery; effect sizes are the news.

// %% [check]
holds("hypotheses").every((held) => held === true);

// %% [markdown]
// ## 3. Systematic mapping
//
// *What does every unit prefer, and is it more selective than it would be anyway?* Selectivity is a share of variance, eta²:
// how much of a unit's variance the token explains, how much the position. The null is what the original study lacked: units
// that are random projections of random embeddings, with no network in between.

// %%
figureOf("mapping-token-selectivity-random");

// %%
verdicts("mapping");

// %% [markdown]
// Random networks look selective, and that is all one can say: no kind of unit lies clearly above random projections, before
// training or after. What training does change is the share of *context*, which is neither token nor position.

// %%
figureOf("mapping-token-position-interaction-trained");

// %% [check]
holds("mapping").every((held) => held !== true);

// %% [markdown]
// ## 4. Circuit discovery
//
// *Which units are correlated or opposed?* At the first position of a causal network there are as many inputs as tokens, ten
// here, however many sequences are shown. Between series of ten numbers strong correlations are common, and with thousands of
// pairs certain. So a pair is an edge only if it exceeds what permuted labels give *and* what units of different random
// networks give, where no circuit can be.

// %%
verdicts("circuits");

// %% [markdown]
// In random networks there are about as many edges as between strangers. After training there are more, and this figure shows those
// of the first network.

// %%
figureOf("circuits-unit-network-trained");

// %% [check]
holds("circuits")[0] === false;
holds("circuits")[1] === true;

// %% [markdown]
// ## 5. Structured inputs
//
// *Do units respond to structure, such as ascending or constant sequences?* A set of constant sequences differs from a random set in
// more than structure: it has fewer different inputs, and means over it scatter more. The figure places each family among
// random sets of its size; the rule asks besides whether random networks do the same.

// %%
figureOf("structured-structured-responses-trained");

// %%
verdicts("structured");

// %% [markdown]
// Constant sequences move random networks, and as far as they move other random networks: nothing is shown to go beyond
// that. After training some families move units or heads further than they do in random networks.
//
// ## What to take home
//
// | question | random networks | trained networks |
// | --- | --- | --- |
// | units have strongest inputs of their own | yes | yes, less |
// | preferences are confirmed on new data | yes, as for any function | yes |
// | units are more selective than random projections | not shown | not shown |
// | units are connected beyond chance | not shown | yes |
// | structure moves them more than it moves random networks | not shown | yes |
//
// The features that one finds most easily, tuned and selective units, are there before training *and are there in random
// projections*. They are the price of looking. What training makes, context, connections, responses to structure, shows up
// against the right null and only there.
//
// The command line runs the same experiments on more seeds, with two analyses of scales and spectra besides, and writes a
// report: `npx palimpsest experiments`. [The persistence study](persistence.ipynb) asks what becomes of the tuned units.

// %% [check]
holds("structured")[0] === false;
holds("structured")[1] === true;
