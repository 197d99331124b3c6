/**
 * The gate of the studio's server: which requests are looked at at all.
 *
 * A page anywhere on the web can make a browser send requests to this machine's own ports, and by giving its own name
 * this machine's address (DNS rebinding) it can even read the answers. What tells such a request from one of the
 * studio's own page is what no script can forge: the name in Host, and what the browser says of where it comes from.
 */
import type { IncomingMessage } from "node:http";

/** Methods that some route answers. */
export const methods = ["GET", "POST", "PUT"] as const;

/** A path that is one already: no escapes, no backslashes, no empty or dotted part; anything may be asked after it. */
const plainTarget =
  /^\/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?(?:\?[^#\s\\]*)?$/;

/** Every value that a request gives a header: Node's own table keeps one of several, and which one depends on the name. */
export function headerValues({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">, name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1].toLowerCase() === name);
}

/**
 * The status with which a request is refused, 400, 403, 405 or 415; null if it may pass.
 *
 * Refused are: another Host than those of this server with their port, none or several; what comes from another origin
 * or site, or from none that can be told (`null`); what would change something without saying where it comes from; an
 * upgrade to another protocol; a path with escapes, dots or empty parts; a body in a content coding.
 *
 * @param hosts  what Host may say, each with its port
 */
export function refusalOf(request: IncomingMessage, hosts: ReadonlySet<string>): number | null {
  const [host, ...otherHosts] = headerValues(request, "host");
  if (host === undefined || otherHosts.length > 0) return 400;
  if (!hosts.has(host)) return 403;
  if (comesFromElsewhere(request, `http://${host}`)) return 403;
  if (headerValues(request, "upgrade").length > 0) return 403;
  if (!methods.some((method) => method === request.method)) return 405;
  if (!plainTarget.test(request.url ?? "")) return 400;
  if (headerValues(request, "content-encoding").length > 0) return 415;
  return null;
}

function comesFromElsewhere(request: IncomingMessage, own: string): boolean {
  const origins = headerValues(request, "origin");
  if (origins.length > 1 || origins.some((origin) => origin !== own)) return true;
  const sites = headerValues(request, "sec-fetch-site");
  // `none` is an address that was typed or opened from outside of any page
  if (sites.length > 1 || sites.some((site) => site !== "same-origin" && site !== "none")) return true;
  // browsers name the origin of all that is not a GET; what does not is no page of ours
  return request.method !== "GET" && origins.length === 0;
}
