/** What the command line prints of names that would steer a terminal. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manifestBytes } from "../../src/record/manifest.ts";
import { startCommand } from "../crash/commandLine.ts";
import { inParallel } from "../startChild.ts";

/** Sets the title of the window, colours, clears, turns the writing and ends the line; the letters tell that it came. */
const evil = "MARK\u001b]0;title\u0007\u009b31m\u001b[2J\u202e\u2066\u2028\r\n\b";
/** The same as the name of a file: no system takes it all. */
const evilName = "MARK\u001b]0;title\u0007\u001b[2J\u202e\n\b";

/** Everything below the space but tab and line feed, DEL, C1, and the marks that turn the direction of writing. */
const steering = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

const model = "test/fixtures/pretrained/models/gpt2";

/** Files with the name in every place that a command shows. */
function prepare(cwd: string): void {
  const header = JSON.stringify({ [evil]: { dtype: evil, shape: [0], data_offsets: [0, 0] } });
  const good = JSON.stringify({
    __metadata__: { [evil]: evil },
    [evil]: { dtype: "F32", shape: [0], data_offsets: [0, 0] },
  });
  for (const [file, text] of [
    ["bad.safetensors", header],
    [`${evilName}.safetensors`, good],
  ]) {
    const length = new Uint8Array(BigUint64Array.of(BigInt(Buffer.byteLength(text))).buffer);
    writeFileSync(join(cwd, file), Buffer.concat([length, Buffer.from(text)]));
  }
  cpSync(model, join(cwd, "model"), { recursive: true });
  const added = Array.from({ length: 30 }, (_, id) => ({
    id,
    content: `${evil}${id}`,
    special: id % 2 === 0,
  }));
  const tokenizer = { model: { type: "BPE", vocab: { [`${evil}0`]: 0 }, merges: [] }, added_tokens: added };
  writeFileSync(join(cwd, "model/tokenizer.json"), JSON.stringify(tokenizer));
  for (const name of ["plain", evilName]) {
    const folder = join(cwd, "runs", name);
    mkdirSync(folder, { recursive: true });
    const parts = {
      ...{ study: evil, status: "complete" as const, command: ["train", "--text", evil] },
      ...{ config: { [evil]: evil, lr: 1 }, versions: { palimpsest: evil }, engine: null, files: [] },
    };
    writeFileSync(join(folder, "manifest.json"), manifestBytes(parts));
  }
  writeFileSync(join(cwd, "sweep.yaml"), `sweep: x\ngrid:\n  ${JSON.stringify(evil)}: [1]\n`);
  writeFileSync(
    join(cwd, `${evilName}.json`),
    `{"sweep":${JSON.stringify(evil)},"study":${JSON.stringify(evil)}}`,
  );
}

const commands: readonly (readonly string[])[] = [
  ["models", "check", "bad.safetensors", `${evilName}.safetensors`, "model", evil],
  ["models", "check", "--json", "bad.safetensors", `${evilName}.safetensors`],
  ["models", "run", "model", "--tokens", "1,2,3", "--top", "30"],
  ["models", "run", evil, "--tokens", "1"],
  ["runs", "list"],
  ["runs", "list", "--json"],
  ["runs", "compare", "runs/plain", `runs/${evilName}`],
  ["verify", "runs/plain", `runs/${evilName}`],
  ["verify", "--json", `runs/${evilName}`],
  ["resume", `runs/${evilName}`],
  ["sweep", "sweep.yaml"],
  ["sweep", `${evilName}.json`],
  ["train", "--text", evil],
  ["train", "--lr", evil],
  ["train", `--${evil}`],
  [evil],
];

/** What was printed, and what of it would have steered a terminal. */
export interface Printed {
  /** Outputs that were looked at, and those in which the name was shown. */
  readonly outputs: number;
  readonly shown: number;
  readonly failures: readonly string[];
}

/**
 * Runs every command and looks at both of its streams.
 *
 * @param build  folder of the command line
 * @param cwd    an empty folder
 */
export async function printedByCommands(build: string, cwd: string): Promise<Printed> {
  prepare(cwd);
  let shown = 0;
  const failures: string[] = [];
  await inParallel(commands, 2, async (args) => {
    const { stdout, stderr, signal } = await startCommand(args, { cwd, build }).ended;
    const command = JSON.stringify(args.slice(0, 3).join(" ")).slice(0, 60);
    if (signal !== null) failures.push(`${command} ended with ${signal}`);
    if (`${stdout}${stderr}`.includes("MARK")) shown++;
    if (/defect of Palimpsest/.test(stderr)) failures.push(`${command}: ${stderr.slice(0, 300)}`);
    for (const [stream, text] of [
      ["stdout", stdout],
      ["stderr", stderr],
    ]) {
      const found = steering.exec(text);
      if (found === null) continue;
      const around = text.slice(Math.max(0, found.index - 40), found.index + 20);
      failures.push(`${command}, ${stream}: ${JSON.stringify(around)}`);
    }
  });
  return { outputs: 2 * commands.length, shown, failures };
}
