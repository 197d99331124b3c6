/** What is installed here, as a manifest names it, and what a run was made with that is not. */
import packageJson from "../../../package.json" with { type: "json" };
import { engineBytes } from "../../backends/wasm/index.ts";
import type { Manifest } from "../../record/manifest.ts";
import { sha256OfBytes } from "../../record/sha256.ts";

/** The versions of a run that is made here. */
export const installed = {
  versions: { palimpsest: packageJson.version, node: process.versions.node },
} as const;

/** SHA-256 of the kernels, which only the wasm backend has. */
export function engineOf(backend: string, { relaxed = false }: { relaxed?: boolean } = {}): string | null {
  return backend === "wasm" ? sha256OfBytes(engineBytes({ relaxed })) : null;
}

/** What decides numbers and is installed. */
export type Installed = keyof typeof installed.versions | "engine";

/** How a message about another installation begins; the rest of it is that of an error. */
interface Difference {
  /** Field of the manifest. */
  readonly field: string;
  readonly rule: string;
  readonly got: string;
  readonly wayOut: string;
}

/**
 * The first of some things that a run was made with and that is not what is installed; null where there is none.
 *
 * @param kernels  those that the run would be made with here; either of the two that are installed unless given
 */
export function otherInstallation(
  { versions, engine }: Pick<Manifest, "versions" | "engine">,
  things: readonly Installed[],
  kernels: readonly (string | null)[] = [engineOf("wasm"), engineOf("wasm", { relaxed: true }), null],
): Difference | null {
  for (const thing of things) {
    if (thing === "engine") {
      if (kernels.includes(engine)) continue;
      const [here] = kernels;
      return {
        ...{ field: "engine", rule: `was made with the kernels ${engine ?? "none"}` },
        got: `${here ?? "none"} in this palimpsest`,
        wayOut: `Take palimpsest ${versions.palimpsest} as it was then.`,
      };
    }
    const here: string = installed.versions[thing];
    const then = versions[thing] ?? "none";
    if (then === here) continue;
    const name = thing === "node" ? "Node" : "palimpsest";
    return {
      ...{ field: `versions.${thing}`, rule: `was made with ${name} ${then}`, got: `${name} ${here}` },
      wayOut: `Install ${name} ${then}.`,
    };
  }
  return null;
}
