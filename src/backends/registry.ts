/** The one place that knows every executor by name; each is loaded only when it is asked for. */
import { unknownName } from "../base/errors.ts";
import type { Backend } from "../graph/backend.ts";

/** Names that `--backend` takes. */
export const backendNames = ["wasm", "reference"] as const;
export type BackendName = (typeof backendNames)[number];

/** The backend that a choice comes to: `auto` is the fastest there is for small models, today always `wasm`. */
export function chosenBackend(choice: BackendName | "auto"): BackendName {
  return choice === "auto" ? "wasm" : choice;
}

/**
 * The backend of a name.
 *
 * @param relaxed  wasm only: let the machine fuse multiply and add, giving up equal bits between machines
 * @throws NameError with the nearest match
 */
export async function backendNamed(
  name: string,
  { relaxed = false }: { relaxed?: boolean } = {},
): Promise<Backend> {
  if (name === "wasm") return (await import("./wasm/index.ts")).wasmBackend({ relaxed });
  if (name === "reference") return (await import("./reference/referenceBackend.ts")).referenceBackend;
  throw unknownName("backend", name, backendNames);
}
