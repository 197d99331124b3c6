/** A process that wants a run folder again and again, and tells when it had it. */
import { closeSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "../../src/base/random.ts";
import { openJournal } from "../../src/cli/journal/journal.ts";
import { OwnedError } from "../../src/cli/journal/lock.ts";

/** What a racer is to do. */
export interface Race {
  readonly folder: string;
  readonly racer: number;
  readonly rounds: number;
  /** When the first round begins, and ms between rounds, by the machine's monotonic clock. */
  readonly start: number;
  readonly period: number;
  readonly seed: number;
  /** From this round on, the first time it gets the folder it holds it until it is killed; never by default. */
  readonly dieFrom?: number;
}

/** What a racer tells of a round. Times are ms of the machine's monotonic clock, which all processes share. */
export interface Lap {
  readonly racer: number;
  readonly pid: number;
  readonly round: number;
  /** When it asked, and when it had an answer. */
  readonly asked: number;
  readonly answered: number;
  /** When it gave the folder up; null where it did not get it. */
  readonly left: number | null;
  /** What it was told where it did not get it. */
  readonly refusal: string | null;
  /** Whether somebody else was in the folder at the same time, as a file that only one can make tells. */
  readonly met: boolean;
}

/** ms of the monotonic clock that all processes of the machine share. */
export function machineClock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const tell = (lap: Lap) => process.stdout.write(`${JSON.stringify(lap)}\n`);

function oneRound({ folder, racer, seed, dieFrom = Number.POSITIVE_INFINITY }: Race, round: number): void {
  const stream = randomStream("racer", seed, racer, round);
  const marker = join(folder, "..", "inside");
  const asked = machineClock();
  const lap = { racer, pid: process.pid, round, asked };
  let journal: ReturnType<typeof openJournal>;
  try {
    journal = openJournal({ path: folder, shown: "race", date: () => new Date() });
  } catch (error) {
    if (!(error instanceof OwnedError)) throw error;
    tell({ ...lap, answered: machineClock(), left: null, refusal: error.message, met: false });
    return;
  }
  const answered = machineClock();
  let met = false;
  try {
    closeSync(openSync(marker, "wx"));
  } catch {
    met = true;
  }
  journal.append({ event: "told", racer, round });
  if (round >= dieFrom) {
    rmSync(marker, { force: true }); // nobody else could
    tell({ ...lap, answered, left: null, refusal: null, met });
    for (;;); // until it is killed
  }
  const until = answered + 4 * stream.uniform();
  while (machineClock() < until);
  rmSync(marker, { force: true });
  const left = machineClock();
  journal.release();
  tell({ ...lap, answered, left, refusal: null, met });
}

/** Races; every round begins for all racers at the same instant. */
export async function race(race: Race): Promise<void> {
  for (let round = 0; round < race.rounds; round++) {
    const begins = race.start + round * race.period;
    const wait = begins - machineClock() - 2;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    while (machineClock() < begins);
    oneRound(race, round);
  }
}
