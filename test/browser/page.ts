/** What the test's page can be asked to do. Bundled with the worker and served to the browser by workers.test.ts. */
import { type FidelityResult, fidelity } from "../../src/studies/fidelity/fidelity.ts";
import { parseFixture } from "../../src/studies/fidelity/fixture.ts";
import type { PopulationJob } from "../../src/studies/population/job.ts";
import type { Digests } from "./digests.ts";
import { digestsFromPool } from "./digestsFromPool.ts";

/** The library as its users import it. */
const library = import("../../src/index.ts");

const deeds = {
  /** Runs the jobs in a pool of web workers and hashes what came back. */
  population: (jobs: PopulationJob[], workers: number): Promise<Digests> =>
    digestsFromPool("worker.js", jobs, workers, { workerType: "web", workerOpts: { type: "module" } }),

  /** Compares with a recorded PyTorch run, on the page's own thread. */
  async fidelity(url: string): Promise<FidelityResult> {
    const { wasmBackend } = await library;
    return fidelity(parseFixture(url, await (await fetch(url)).json()), wasmBackend());
  },

  /** What the library's main entry exports. */
  exportedNames: async (): Promise<string[]> => Object.keys(await library),
};

declare global {
  var inPage: typeof deeds;
}
globalThis.inPage = deeds;
