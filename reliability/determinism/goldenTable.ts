import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { readableJson } from "../../src/record/canonicalJson.ts";
import { openBrowser } from "../../test/browser/openBrowser.ts";
import { bundlePage } from "../../test/browser/servePage.ts";
import type { Check } from "../check.ts";
import { inParallel, startChild } from "../startChild.ts";
import { type Digests, extent, goldenDigests } from "./goldenDigests.ts";
import { otherNode, otherVersions } from "./otherNode.ts";

/** The table, and what is said beside it for who changes an operation on purpose. */
const file = "reliability/determinism/golden.json";
const made =
  "Hashes of what each kernel makes of 1,000 inputs and of 200 steps of training, by reliability/determinism/goldenDigests.ts " +
  "with the exact kernels. They must be equal on every machine and in every engine; whoever changes the order of an operation " +
  "on purpose writes them anew with `npm run check:reliability -- --only G3 --record`, and says so in the change log.";

/** Computes the table in a Node of any version and tells it. */
export async function tellGolden({ without }: { without?: string }): Promise<void> {
  // the test of the test: float64, whose results are not those of the kernels
  const backend = without === undefined ? undefined : referenceBackend;
  process.stdout.write(
    `${JSON.stringify({ version: process.version, digests: await goldenDigests(backend) })}\n`,
  );
}

/** Where the table is computed, by name. */
type Place = readonly [name: string, compute: () => Promise<{ version: string; digests: Digests }>];

const silence = 300_000;

async function inNode(node: string | undefined, without?: string) {
  const { code, stdout, stderr } = await startChild("golden", { without }, { node, silence }).ended;
  if (code !== 0) throw new Error(`it could not compute the table: ${stderr.slice(-300)}`);
  return JSON.parse(stdout);
}

async function inChromium() {
  const browser = await openBrowser((folder) =>
    bundlePage(folder, resolve("reliability/determinism/goldenPage.ts")),
  );
  try {
    const { page, complaints } = await browser.visit("inGoldenPage");
    const digests = await page.evaluate(() => globalThis.inGoldenPage());
    if (complaints.length > 0) throw new Error(`the page complained: ${complaints[0]}`);
    return { version: browser.from, digests };
  } finally {
    await browser.close();
  }
}

/** Writes the table anew. */
export async function recordGolden(): Promise<void> {
  const { digests } = await inNode(undefined);
  writeFileSync(file, `${readableJson({ made, digests })}\n`);
}

/** G3: the same bits in every engine. */
export const goldenTable: Check = {
  id: "G3",
  promise:
    "Every kernel and a training give the bits of the recorded table in Node 20, 22 and 24 and in Chromium.",
  weakenings: ["exact-kernels"],
  async run(_, { say, without }) {
    const { digests: expected }: { digests: Digests } = JSON.parse(readFileSync(file, "utf8"));
    const own = process.versions.node;
    const others = otherVersions.filter((version) => version.split(".")[0] !== own.split(".")[0]);
    const places: Place[] = [
      [`Node ${own}`, () => inNode(undefined, without)],
      ...(without === undefined
        ? [
            ...others.map(
              (version): Place => [`Node ${version}`, async () => inNode(await otherNode(version))],
            ),
            ["Chromium", inChromium] as Place,
          ]
        : []),
    ];
    const failures: string[] = [];
    let [compared, equal] = [0, 0];
    await inParallel(places, 2, async ([name, compute]) => {
      try {
        const { version, digests } = await compute();
        say(`${name} is ${version}`);
        const names = [...new Set([...Object.keys(expected), ...Object.keys(digests)])];
        const differing = names.filter((key) => digests[key] !== expected[key]);
        compared += names.length;
        equal += names.length - differing.length;
        if (differing.length > 0)
          failures.push(
            `${name}: ${differing.length} of ${names.length} differ: ${differing.slice(0, 8).join(", ")}`,
          );
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
      }
    });
    return {
      figure: `${equal} of ${compared} hashes equal: ${extent.ops} kernels on ${extent.inputs} inputs each and ${extent.steps} steps of training, in ${places.map(([name]) => name).join(", ")}`,
      count: compared,
      coverage: { engines: places.length, kernels: extent.ops, inputs: extent.inputs, steps: extent.steps },
      failures,
    };
  },
};
