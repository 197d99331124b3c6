/** Answers of the API: JSON, and refusals that say why in one sentence. */
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { UserError } from "../../base/errors.ts";
import { canonicalJson } from "../../record/canonicalJson.ts";

/** A value as JSON; numbers that are not finite are typed, as in all files of a run. */
export function jsonAnswer(value: object, status = 200): Response {
  return new Response(canonicalJson(value), { status, headers: { "Content-Type": "application/json" } });
}

/** Ends a request with a status and a sentence that its sender may read: it must name no absolute path. */
export function refuse(status: ContentfulStatusCode, message: string): never {
  throw new HTTPException(status, { message });
}

/** What an action returns; what it complains about goes to the sender with the given status. */
export function orRefuse<T>(status: ContentfulStatusCode, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof UserError) refuse(status, error.message);
    throw error;
  }
}
