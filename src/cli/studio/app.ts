/** The router of the studio's server. */
import { randomBytes } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { jsonAnswer, refuse } from "./answers.ts";
import { type Route, routes, type Studio, type StudioContext } from "./routes.ts";

/** A refusal as it is answered. */
const refusal = (status: number, error: string) => jsonAnswer({ error }, status);

/** `application/json` of `application/json; charset=utf-8`. */
const mediaType = (context: StudioContext) =>
  (context.req.header("content-type") ?? "").split(";")[0].trim().toLowerCase();

function checkBody(context: StudioContext, { body }: Route): void {
  if (body !== undefined && mediaType(context) !== body) refuse(415, `request: its body must be ${body}.`);
}

/**
 * A router that answers by the list of routes, and in JSON whatever it refuses: `{"error": sentence}`.
 *
 * @param report  is told of a defect, with its number; the requester learns the number alone
 */
export function studioApp(
  studio: Studio,
  report: (error: unknown, id: string) => void,
): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  for (const route of routes)
    app.on(route.method, route.path, (context) => {
      checkBody(context, route);
      return route.answer(context, studio);
    });
  app.notFound(() => refusal(404, "there is nothing under this address."));
  app.onError((error) => {
    if (error instanceof HTTPException) return refusal(error.status, error.message);
    const id = randomBytes(4).toString("hex");
    report(error, id);
    return jsonAnswer({ error: `defect ${id}: the terminal of palimpsest studio says more.`, id }, 500);
  });
  return app;
}
