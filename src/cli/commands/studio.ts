/** `palimpsest studio`: its options. */
import { isIP } from "node:net";
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { addDisplay, type DisplayFlags, valueOption } from "../commonOptions.ts";
import { path, type ValueParser, wholeNumber } from "../optionValues.ts";

/** How the studio is to be served. */
export interface StudioOptions {
  /** Run folder or its manifest; null for none. */
  readonly run: string | null;
  /** 0 for a free one. */
  readonly port: number;
  /** An address of this machine in a network; null for the loopback only. */
  readonly host: string | null;
  /** Where the address with its token is written in place of being printed; null for nowhere. */
  readonly tokenFile: string | null;
  /** Whether a browser is opened where there is a display. */
  readonly open: boolean;
}

interface Flags extends DisplayFlags {
  readonly port?: number;
  readonly host?: string;
  readonly tokenFile?: string;
  readonly open: boolean;
}

/** An address that a browser can name: not 0.0.0.0 or ::, which mean all of them. */
const oneAddress: ValueParser<string> = (flag) => (text) => {
  const all = /^[0.]+$|^[0:]+$/.test(text);
  if (isIP(text) !== 0 && !all && !text.includes("%")) return text;
  throw new ArgumentError({
    where: flag,
    rule: "must be one IP address of this machine, the one that browsers will name",
    got: JSON.stringify(text),
  });
};

const more = `
The page trains, shows and edits populations in the browser; the same page works without this server (docs/studio.md).
The server lists the runs in ./runs, and RUN from anywhere, for the page to open, and saves there what the page trained.

It listens on this machine's loopback only (127.0.0.1 and ::1). The printed address holds a token that works once: the
browser that opens it gets a cookie, every other request is refused. From another machine, forward the port by SSH with
the same number on both sides: ssh -L 8123:127.0.0.1:8123 MACHINE, with --port 8123 there.

--host listens on one other address instead, unencrypted: everybody on the way can read along. It needs --token-file, so
that the token is in no log: a new file that only you can read, removed at the end.

Ctrl+C stops it. With --json the line is an object: {"url", "port", "tokenFile"}.

Examples:
  palimpsest studio
  palimpsest studio runs/persistence-20250131-235959
  palimpsest studio --port 8123 --no-open
`;

/**
 * Adds the command.
 *
 * @param run  called with checked options
 */
export function addStudio(
  program: Command,
  run: (options: StudioOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = program
    .command("studio")
    .description("The laboratory as a page in the browser: train, look, touch, save.")
    .argument("[run]", "run folder, or its manifest.json, to open")
    .addOption(valueOption("port", "n", "port (default: a free one)", wholeNumber(1024, 65_535)))
    .option("--no-open", "open no browser")
    .addOption(
      valueOption("host", "address", "listen there in place of the loopback; needs --token-file", oneAddress),
    )
    .addOption(
      valueOption("token-file", "file", "write the address with its token there, not to stdout", path),
    )
    .addHelpText("after", more);
  addDisplay(command, { progress: false });
  command.action((given: string | undefined, flags: Flags) => {
    const { port = 0, host = null, tokenFile = null, open } = flags;
    if (host !== null && tokenFile === null)
      throw new ArgumentError({
        where: "--host",
        rule: "needs --token-file, so that the token is in no log",
        got: "none",
      });
    return run({ run: given === undefined ? null : path("RUN")(given), port, host, tokenFile, open }, flags);
  });
}
