/** What `palimpsest studio` does: it serves the page until it is told to stop. */
import { once } from "node:events";
import type { StudioOptions } from "../commands/studio.ts";
import type { ServingIo } from "../io.ts";
import { openBrowser } from "./openBrowser.ts";
import { builtPage } from "./pageFiles.ts";
import { startServer } from "./server.ts";
import { writeTokenFile } from "./tokenFile.ts";

/**
 * Serves the studio.
 *
 * @param page  folder of the built page, absolute
 * @returns     exit code, once the signal is given
 * @throws UserError  one sentence: the page is not built, the run cannot be opened, the address cannot be listened on
 */
export async function runStudio(
  { run, host, port, tokenFile, open }: StudioOptions,
  { cwd, signal, print, report, date }: ServingIo,
  page = builtPage,
): Promise<number> {
  const server = await startServer({ page, cwd, run, host, port, date, report });
  try {
    const { url, origin } = server;
    const removeFile = tokenFile === null ? () => {} : writeTokenFile(tokenFile, cwd, url);
    try {
      const shown = tokenFile === null ? url : `${origin} (whole address with its token: ${tokenFile})`;
      print(
        { url: tokenFile === null ? url : origin, port: server.port, tokenFile },
        `Studio: ${shown}   Ctrl+C stops it.`,
      );
      if (open) openBrowser(url);
      if (!signal.aborted) await once(signal, "abort");
    } finally {
      removeFile();
    }
  } finally {
    await server.close();
  }
  return 0;
}
