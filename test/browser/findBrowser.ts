/** A Chromium for the tests, from wherever this machine has one. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { type Browser, chromium } from "playwright-core";

/** The environment of a process. */
type Environment = Readonly<Record<string, string | undefined>>;

/** A place where a Chromium may be. */
interface Candidate {
  name: string;
  /** The program and what its process needs in its environment; throws where there is none. */
  locate(): Promise<{ executablePath: string; env?: Record<string, string> }>;
}

/** Programs that are Chromium under the names that distributions give it. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** A container has no user namespaces and no GPU, and a test asks the network for nothing. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A whole browser starts in a second or two; a program that is none may never answer. */
const START_MILLISECONDS = 20_000;

/**
 * Starts the first Chromium that can be had: the program that `CHROME_PATH` names, and only that one if it is set; else
 * one in `PATH`; else the one inside the npm package @sparticuz/chromium, which brings its own system libraries.
 * Whether a candidate works is found out by starting it: a program may lack its libraries or be an empty wrapper.
 *
 * @param scratch  a folder that the npm package's browser may be unpacked into (200 MB); whoever made it removes it
 * @param env      the environment that is looked at
 * @param flags    arguments for the program besides those that every test needs
 * @throws Error in one sentence that names everything that was tried and why it failed
 */
export async function startBrowser(
  scratch: string,
  env: Environment = process.env,
  flags: readonly string[] = [],
): Promise<{ browser: Browser; from: string }> {
  const tried: string[] = [];
  for (const { name, locate } of candidates(scratch, env)) {
    try {
      const { executablePath, env: needs } = await locate();
      const browser = await chromium.launch({
        executablePath,
        args: [...ARGUMENTS, ...flags],
        env: { ...env, ...needs },
        timeout: START_MILLISECONDS,
      });
      return { browser, from: `${name}, version ${browser.version()}` };
    } catch (error) {
      tried.push(`${name} (${reason(error)})`);
    }
  }
  throw new Error(
    `browser test: no Chromium can be had; tried ${tried.join("; ")}. ` +
      "Install Debian's chromium, or set CHROME_PATH to one, or set PALIMPSEST_NO_BROWSER=1 to leave this test out.",
  );
}

function candidates(scratch: string, env: Environment): Candidate[] {
  const at = (name: string, executablePath: string): Candidate => ({
    name,
    locate: async () => {
      if (!isProgram(executablePath)) throw new Error("no program is there");
      return { executablePath };
    },
  });
  if (env.CHROME_PATH) return [at(`CHROME_PATH=${env.CHROME_PATH}`, env.CHROME_PATH)];
  const folders = (env.PATH ?? "").split(delimiter);
  const found = PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program))).filter(
    isProgram,
  );
  const none: Candidate = {
    name: `${PROGRAMS.join(", ")} in PATH`,
    locate: () => Promise.reject(new Error("none is there")),
  };
  return [
    ...(found.length > 0 ? found.map((file) => at(file, file)) : [none]),
    { name: "npm's @sparticuz/chromium", locate: () => unpacked(scratch) },
  ];
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Unpacks the package's browser, its fonts and the libraries that it is given on Amazon's machines, so that it also
 * starts where nothing was installed. The package unpacks into TMPDIR under fixed names and takes what lies there
 * for whole: in a process of its own with a folder of its own, no other or broken-off unpacking gets in the way.
 */
async function unpacked(scratch: string): Promise<{ executablePath: string; env: Record<string, string> }> {
  const script =
    'import chromium from "@sparticuz/chromium"; process.stdout.write(await chromium.executablePath());';
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: import.meta.dirname,
    env: { ...process.env, TMPDIR: scratch, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" },
  });
  return {
    executablePath: stdout,
    env: { LD_LIBRARY_PATH: join(scratch, "al2023", "lib"), FONTCONFIG_PATH: join(scratch, "fonts") },
  };
}

/**
 * The line of an error that says why: the library that the loader missed, what a script threw, the last that the
 * program said before it ended, or else what Playwright made of it.
 */
function reason(error: unknown): string {
  const text = stripVTControlCharacters(error instanceof Error ? error.message : String(error));
  const library = /error while loading shared libraries: [^\n]+/.exec(text)?.[0];
  const thrown = /^\[?(\w*Error: [^\n\]]+)/m.exec(text)?.[1];
  const said = [...text.matchAll(/\[err\] ([^\n]+)/g)].at(-1)?.[1];
  return library ?? thrown ?? said ?? text.split("\n")[0];
}
