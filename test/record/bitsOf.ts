/** Plain data as one text that differs wherever a bit, a type, a member or its place differs. */
import { createHash } from "node:crypto";

const hex = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");

export function bitsOf(value: unknown): string {
  if (typeof value === "number") return `n${hex(new Uint8Array(Float64Array.of(value).buffer))}`;
  if (typeof value === "string")
    return `s${Array.from(value, (_, i) => value.charCodeAt(i)).join()}:${value.length}`;
  if (value === null || typeof value !== "object") return String(value);
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return `${value.constructor.name}(${hex(new Uint8Array(buffer, byteOffset, byteLength))})`;
  }
  if (Array.isArray(value)) return `[${value.map(bitsOf).join()}]`;
  const pairs = value instanceof Map ? [...value] : Object.entries(value);
  return `${value instanceof Map ? "Map" : ""}{${pairs.map((pair) => pair.map(bitsOf).join("=")).join()}}`;
}

/** SHA-256 of that text: short where a failure would print megabytes. */
export const hashOf = (value: unknown) => createHash("sha256").update(bitsOf(value)).digest("hex");
