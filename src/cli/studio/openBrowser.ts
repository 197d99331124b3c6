/** The user's browser. */
import { type ChildProcess, spawn } from "node:child_process";

/** The machine, as far as it decides how a browser is opened. */
export interface Desktop {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The program and arguments that open an address in the user's browser; null where there is no display.
 *
 * @param address  without characters that a shell of Windows would take for its own
 */
export function browserCommand(address: string, { platform, env }: Desktop): [string, ...string[]] | null {
  if (platform === "darwin") return ["open", address];
  // `start` is a word of the shell, and takes what is quoted first for a title
  if (platform === "win32") return ["cmd", "/c", "start", "", address];
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ["xdg-open", address] : null;
}

/**
 * Opens an address in the user's browser where there is one. Never fails: the address is printed as well.
 *
 * @returns  the process that opens it; null where there is no display
 */
export function openBrowser(address: string, desktop: Desktop = process): ChildProcess | null {
  const command = browserCommand(address, desktop);
  if (command === null) return null;
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: "ignore", detached: true, env: { ...desktop.env } });
  child.on("error", () => {});
  child.unref();
  return child;
}
