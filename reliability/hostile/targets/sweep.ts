import { yamlValue } from "../../../src/cli/sweep/readSweepFile.ts";
import { canonicalJson } from "../../../src/record/canonicalJson.ts";
import { strictUtf8 } from "../../../src/record/strictJson.ts";
import { parseSweep, type SweepSpec } from "../../../src/studies/sweep/spec.ts";
import { pick } from "../../../test/record/mutants.ts";
import { jsonFileMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

const file = "sweep.yaml";
const asJson = JSON.stringify(
  {
    sweep: "Width and rate",
    study: ["persistence"],
    seeds: [0, 1, 2],
    base: { steps: 40, optimizer: "adam", model: { dMlp: 16 } },
    grid: [{ lr: [0.001, 0.01], "model.nLayers": [1, 2] }, { lr: [0.1] }],
    random: { draws: 3, seed: 7, over: { batch: { integer: [4, 16] }, clip: { logUniform: [0.1, 10] } } },
  },
  null,
  1,
);
const asYaml = `# widths
sweep: Width
study: persistence
seeds: 3
base:
  steps: 40
  model: { dMlp: 16 }
grid:
  lr: [0.001, 1e-2]
random:
  draws: 2
  over:
    model.dMlp: { choice: [16, 32] }
`;
const own = [
  ...[
    '"persistence"',
    '"lr"',
    '"adam"',
    '"sgd"',
    '{"uniform":[0,1]}',
    '{"logUniform":[0.001,1]}',
    "[1,2]",
    "[0.1]",
  ],
  ...[
    '{"integer":[1,4]}',
    '{"choice":[1,2]}',
    '"initial-selectivity"',
    "100001",
    '"&a"',
    '"!!js/function"',
    "~",
    "<<",
  ],
];

const plain = (spec: SweepSpec): string =>
  canonicalJson({
    ...spec,
    grids: spec.grids.map((grid) => [...grid]),
    random: spec.random && { ...spec.random, over: [...spec.random.over] },
  });

/** A sweep's file, in YAML, of which JSON is a part. */
export const sweep: Target = {
  kind: "sweep file",
  mutant: (stream) => jsonFileMutant(pick([asJson, asJson, asYaml], stream), stream, { own }),
  accept(bytes) {
    const value = yamlValue(strictUtf8(bytes, file), file);
    const spec = parseSweep(value, file);
    const again = parseSweep(yamlValue(JSON.stringify(value), file), file);
    return difference("a sweep", plain(spec), plain(again));
  },
};
