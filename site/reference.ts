/** The API reference, made from the docstrings of every entry point. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fontStack, themeCss } from "../src/figures/index.ts";

/** typedoc's colours by name, as ours: the reference looks like the other pages, and is dark when they are. */
const colors = {
  background: "var(--paper)",
  "background-secondary": "var(--paper)",
  "background-active": "var(--null-fill)",
  accent: "var(--rule)",
  text: "var(--ink)",
  "text-aside": "var(--muted)",
  link: "var(--then)",
} as const;
const css = `${themeCss}
:root { ${["light", "dark"].flatMap((mode) => Object.entries(colors).map(([name, color]) => `--${mode}-color-${name}: ${color};`)).join(" ")} }
body { font-family: ${fontStack}; font-variant-numeric: tabular-nums; }
pre, code { white-space: pre; overflow-x: auto; }
.tsd-theme-toggle { display: none; }
`;

/**
 * Writes the reference.
 *
 * @param out  folder of its own
 * @throws Error with what typedoc said, if a docstring links to something that is not there
 */
export async function writeReference(root: string, out: string): Promise<void> {
  const program = join(root, "node_modules", "typedoc", "bin", "typedoc");
  const scratch = mkdtempSync(join(tmpdir(), "palimpsest-reference-"));
  const style = join(scratch, "style.css");
  writeFileSync(style, css);
  const options = ["--options", join(root, "site", "typedoc.json"), "--customCss", style, "--out", out];
  try {
    await promisify(execFile)(process.execPath, [program, ...options], { cwd: root, maxBuffer: 1 << 26 });
  } catch (error) {
    const {
      stdout = "",
      stderr = "",
      message,
    } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`reference: ${`${stdout}${stderr}`.trim() || message}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
