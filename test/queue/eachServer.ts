/** Tests on a real Redis and a real PostgreSQL. */
import { afterAll, beforeAll, describe } from "vitest";
import { missingServer, type Server, type ServerKind, startServer } from "./servers.ts";

/**
 * Describes the same tests on each kind of server. Where one cannot be started here its tests are skipped, and their
 * title says why.
 *
 * @param options.concurrent  whether all of the tests may run at a time; each then has a queue of its own
 */
export function onEachServer(
  tests: (server: () => Server, kind: ServerKind) => void,
  { concurrent = false }: { readonly concurrent?: boolean } = {},
): void {
  for (const kind of ["redis", "postgres"] as const) {
    const missing = missingServer(kind);
    if (missing !== null) {
      describe.skip(`${kind}, skipped because there is ${missing}`, () => tests(() => ({}) as Server, kind));
      continue;
    }
    describe(kind, { concurrent }, () => {
      let server: Server;
      beforeAll(async () => {
        server = await startServer(kind);
      });
      afterAll(() => server.remove());
      tests(() => server, kind);
    });
  }
}
