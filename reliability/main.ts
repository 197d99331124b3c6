/** Checks what is promised: `npm run check:reliability [-- --long] [-- --only A1,B1]`. One line of JSON a promise. */
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Check, isNoticed, lineOf } from "./check.ts";
import { children } from "./children.ts";

const help = `npm run check:reliability [-- OPTIONS]

Checks what docs/reliability.md promises. One line of JSON a promise on stdout, progress on stderr.
Exit code 0 if every promise held, 1 if one did not, 2 if an option is wrong.

  --long            the long form, hours, instead of the short one, minutes
  --only IDS        only these promises, e.g. A1,C2
  --seed N          draws other cases; 1 by default
  --without NAME    leaves a safeguard out of what is checked, to see that the check fails; with --only
  --weakened        leaves out every safeguard in turn; a line passes where the check notices
  --record          writes the table of golden hashes anew; with --only G3
  --list            the promises, and what may be left out, without checking anything
  --help
`;

/** Something that was asked for and cannot be. */
class WrongOption extends Error {}

async function chosen(only: string | undefined): Promise<readonly Check[]> {
  // not for children, which need one deed only
  const { checks } = await import("./checks.ts");
  if (only === undefined) return checks;
  return only.split(",").map((id) => {
    const found = checks.find((check) => check.id === id.trim().toUpperCase());
    if (found !== undefined) return found;
    const known = checks.map((check) => check.id).join(", ");
    throw new WrongOption(`--only: must be among ${known}; got ${JSON.stringify(id)}.`);
  });
}

function options() {
  try {
    return parseArgs({
      options: {
        long: { type: "boolean", default: false },
        only: { type: "string" },
        seed: { type: "string", default: "1" },
        without: { type: "string" },
        weakened: { type: "boolean", default: false },
        record: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new WrongOption(error instanceof Error ? error.message : String(error));
  }
}

/** The checks read the project's own files, and run its command line as `npm run build` left it. */
function standInProject(): void {
  const isProject =
    existsSync("package.json") && JSON.parse(readFileSync("package.json", "utf8")).name === "palimpsest";
  if (!isProject) throw new WrongOption("run it in the project's own folder.");
}

async function checkAll(): Promise<number> {
  const { long, only, seed, without, weakened, record, list, help: helps } = options();
  if (helps) {
    process.stdout.write(help);
    return 0;
  }
  const wanted = await chosen(only);
  if (list) {
    for (const { id, promise, weakenings = [] } of wanted)
      process.stdout.write(`${JSON.stringify({ id, promise, weakenings })}\n`);
    return 0;
  }
  if (!/^\d{1,9}$/.test(seed))
    throw new WrongOption(`--seed: must be a whole number; got ${JSON.stringify(seed)}.`);
  for (const { id, weakenings = [] } of wanted)
    if (without !== undefined && !weakenings.includes(without))
      throw new WrongOption(
        `--without: ${id} knows ${weakenings.join(", ") || "none"}; got ${JSON.stringify(without)}.`,
      );
  standInProject();
  if (record) {
    if (only?.toUpperCase() !== "G3") throw new WrongOption("--record: belongs to --only G3.");
    await (await import("./determinism/goldenTable.ts")).recordGolden();
  }
  let kept = true;
  for (const check of wanted) {
    const say = (text: string) => process.stderr.write(`${check.id}: ${text}\n`);
    say(check.promise);
    const form = long ? "long" : "short";
    const run = (left: string | undefined) => lineOf(check, form, { seed: Number(seed), say, without: left });
    for (const left of weakened ? (check.weakenings ?? []) : [without]) {
      const line = await run(left);
      const passed = weakened ? isNoticed(line) : line.passed;
      process.stdout.write(`${JSON.stringify({ ...line, passed })}\n`);
      kept &&= passed;
    }
  }
  return kept ? 0 : 1;
}

if (process.argv[2] === "table") {
  const { fillTables } = await import("./fillTables.ts");
  fillTables(process.argv[3], readFileSync(process.argv[4] ?? 0, "utf8"));
} else if (process.argv[2] === "child") {
  const [name, argument] = process.argv.slice(3);
  const work = await children[name]();
  await work(JSON.parse(argument) as never);
} else {
  try {
    process.exitCode = await checkAll();
  } catch (error) {
    if (!(error instanceof WrongOption)) throw error;
    process.stderr.write(`check:reliability: ${error.message}\n`);
    process.exitCode = 2;
  }
}
