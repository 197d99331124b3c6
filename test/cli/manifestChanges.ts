/** Manifests of which one value is another, signed again as their writer would sign them. */
import { canonicalJson, type JsonValue } from "../../src/record/canonicalJson.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";

/** What a manifest holds, to be changed. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A value that is another one of the same kind. */
function other(value: Json): Json {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  if (value === null) return 1;
  return `${value}`.replace(/.$/, (last) => (last === "1" ? "2" : "1"));
}

/** Every value inside a value that holds no others, by its path, and every list one item shorter. */
export function* places(value: Json, path: (string | number)[] = []): Generator<(string | number)[]> {
  if (value === null || typeof value !== "object") return yield path;
  if (Array.isArray(value) && value.length > 0) yield [...path, value.length - 1, "gone"];
  for (const [key, inside] of Object.entries(value))
    yield* places(inside, [...path, Array.isArray(value) ? Number(key) : key]);
}

/** A manifest with one value changed, or the last item of a list gone. */
export function changed(manifest: Json, path: readonly (string | number)[]): Json {
  const copy = structuredClone(manifest);
  const isGone = path.at(-1) === "gone";
  const way = isGone ? path.slice(0, -2) : path.slice(0, -1);
  const inner = way.reduce<Json>((value, key) => (value as never)[key], copy) as Record<
    string | number,
    Json
  >;
  if (isGone) (inner as unknown as Json[]).pop();
  else inner[path.at(-1) as string] = other(inner[path.at(-1) as string]);
  return copy;
}

/** The text of a manifest that agrees with its own hash, as only its writer can make one. */
export function signed({ sha256: _, ...fields }: Record<string, JsonValue>): string {
  const text = (value: object) => `${canonicalJson(value, { indent: 2 })}\n`;
  return text({ ...fields, sha256: sha256OfBytes(new TextEncoder().encode(text(fields))) });
}
