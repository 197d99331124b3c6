import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { FileError } from "../../src/base/errors.ts";
import { fidelity, trainAndCompare } from "../../src/studies/fidelity/fidelity.ts";
import { type Fixture, parseFixture } from "../../src/studies/fidelity/fixture.ts";
import { fidelityStudy } from "../../src/studies/fidelity/index.ts";
import { carryOut } from "../../src/studies/protocol/carryOut.ts";
import { runStudyJob } from "../../src/studies/protocol/jobs.ts";
import type { Study } from "../../src/studies/protocol/study.ts";

const read = (path: string) => JSON.parse(readFileSync(join(import.meta.dirname, "../..", path), "utf8"));
const fixtureOf = (seed: number): Fixture =>
  parseFixture("recorded", read(`fixtures/original/seed-${seed}.json`));
const float64 = read("test/fixtures/pytorch/originalFloat64.json") as {
  runs: { seed: number; epoch_losses: number[]; eta2_final: Record<"token" | "position", number[]>[] }[];
};

/** Counts of the five that the original reports for these seeds, from its published table. */
const PUBLISHED = { L0_token: 5, L0_position: 5, L1_token: 5, L1_position: 1 };

test.each([42, 123])(
  "from the recorded weights of seed %d, float32 lands where PyTorch landed",
  async (seed) => {
    const result = await fidelity(fixtureOf(seed), wasmBackend());
    expect(result.maintained).toEqual(PUBLISHED);
    expect(result.top5Equal).toBe(true);
    expect(result.initialLogitsMaxError).toBeLessThan(1e-5);
    expect(result.epochLossMaxError).toBeLessThan(1e-4);
    expect(result.eta2MaxError).toBeLessThan(1e-4);
    expect(result.pass).toBe(true);
  },
);

/** Two float64 programs through 160 steps of Adam; they differ only in the order of sums. */
const FLOAT64 = 1e-9;

test.each(float64.runs)(
  "in float64 seed $seed is PyTorch's own float64 run to nine digits",
  async ({ seed, epoch_losses, eta2_final }) => {
    const { result, eta2Final } = await trainAndCompare(fixtureOf(seed), referenceBackend);
    expect(result.pass).toBe(true);
    expect(result.maintained).toEqual(PUBLISHED);
    expect(result.epochLossMaxError).toBeLessThan(1e-5);
    epoch_losses.forEach((loss, epoch) => {
      expect(Math.abs(result.epochLosses[epoch] - loss)).toBeLessThan(FLOAT64);
    });
    eta2_final.forEach((layer, l) => {
      for (const kind of ["token", "position"] as const)
        layer[kind].forEach((value, unit) => {
          expect(Math.abs(eta2Final[l][kind][unit] - value)).toBeLessThan(FLOAT64);
        });
    });
  },
);

test("a fixture with wrong weights does not pass", async () => {
  const fixture = structuredClone(fixtureOf(42));
  fixture.init["token_embed.weight"].data[0] += 0.01;
  expect((await fidelity(fixture, wasmBackend())).pass).toBe(false);
});

test("a file that is no recorded run is refused by its first wrong field", () => {
  expect(() => parseFixture("x.json", {})).toThrow(FileError);
  expect(() => parseFixture("x.json", { ...read("fixtures/original/seed-42.json"), lr: -1 })).toThrow(
    /fixture x.json.*"lr"/,
  );
});

/** Carries study S1 out in this process. */
function fidelityResult(recorded: readonly Fixture[], seeds: readonly number[]) {
  const study = fidelityStudy(recorded) as Study;
  return carryOut(
    study,
    { seeds, quick: false },
    {
      ...{ backend: { name: "wasm" }, command: "" },
      runJobs: async (jobs, tell) => {
        for (const [at, job] of jobs.entries())
          await runStudyJob(study, structuredClone(job), wasmBackend(), (event) => tell(at, event));
      },
    },
  );
}

test("as study S1 both recorded runs support the arithmetic of C2; a changed record refutes it, none leaves it open", async () => {
  const { result } = await fidelityResult([fixtureOf(42), fixtureOf(123)], [0, 1]);
  expect(result.decisions.map(({ about, verdict }) => [about, verdict])).toEqual([["C2", "supported"]]);
  expect(result.tables[0].rows.map((row) => row.slice(1, 5))).toEqual([
    [5, 5, 5, 1],
    [5, 5, 5, 1],
  ]);
  const changed = structuredClone(fixtureOf(42));
  changed.eta2_final[0].token = changed.eta2_final[0].token.map(() => 0); // none of the five maintained any more
  expect((await fidelityResult([changed], [0])).result.decisions[0].verdict).toBe("refuted");
  expect((await fidelityResult([changed], [3])).result.decisions[0].verdict).toBe("undecided");
});
