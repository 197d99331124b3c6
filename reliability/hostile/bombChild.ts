import { UserError } from "../../src/base/errors.ts";
import { bombs } from "./bombs.ts";

/** Which file, and the folder that it lies in. */
export interface BombTask {
  readonly name: string;
  readonly folder: string;
  /** Reads without the limits of the program. */
  readonly without?: string;
}

/** What reading it came to. */
export interface BombResult {
  /** The sentence; null if the file was read. */
  readonly said: string | null;
  readonly isUserError: boolean;
  /** Processor time: what else the machine does is no part of it. */
  readonly milliseconds: number;
  /** Largest resident memory of the process up to then, MiB. */
  readonly peak: number;
}

/** Reads one file and tells what it took. */
export async function readBomb({ name, folder, without }: BombTask): Promise<void> {
  const bomb = bombs.find((each) => each.name === name)!;
  const { readFileSync, readdirSync } = await import("node:fs");
  const read =
    without === undefined
      ? bomb.read
      : // all of it at once, as text and then as JSON, and only then looked at
        (place: string) => {
          for (const file of readdirSync(place)) JSON.parse(readFileSync(`${place}/${file}`, "utf8"));
        };
  const before = process.cpuUsage();
  let error: unknown = null;
  try {
    await read(folder);
  } catch (thrown) {
    error = thrown;
  }
  const { user, system } = process.cpuUsage(before);
  const result: BombResult = {
    said: error === null ? null : error instanceof Error ? error.message.slice(0, 2000) : String(error),
    isUserError: error instanceof UserError,
    milliseconds: (user + system) / 1000,
    peak: process.resourceUsage().maxRSS / 1024,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
