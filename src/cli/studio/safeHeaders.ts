/** Headers that every response of the studio's server carries, whatever it says. */
import { STATUS_CODES } from "node:http";

/**
 * What a page of this server may do: run its own scripts, workers and WebAssembly, show its own pictures, talk to its
 * own server, and nothing else. No page elsewhere may frame it, load from it or keep a handle on its window, and it is
 * isolated from all others, which is what shared memory asks for.
 */
export const contentPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The headers by name; a response may put another `Cache-Control` in place of this one and nothing else. */
export const safeHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy": contentPolicy,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/** A whole response without a body, for a request that was no HTTP and so never became one with a response of its own. */
export function bareResponse(status: number): string {
  const headers = { ...safeHeaders, "Content-Length": "0", Connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("\r\n")}\r\n\r\n`;
}
