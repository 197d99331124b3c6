/** Requests that nobody would write: none of them stops the studio's server or gets behind its gate. */
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isRunPath } from "../../src/record/manifest.ts";
import { headerFaults, ownPost, request, send, serve } from "./serving.ts";

/** Enough to meet every branch of the gate and the router many times; a few seconds. */
const RUNS = 1500;
const SEED = 20250102;

/** Some mutants leave the server waiting for more: no answer after this many ms is taken for none. */
const SILENCE = 50;

/** Bytes of a request with some of them cut out, doubled, changed or put in. */
type Mutation = { at: number; remove: number; insert: string };
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(600),
  remove: fc.nat(12),
  insert: fc.oneof(
    fc.constantFrom("\r\n", "\0", "%2e%2e/", "..", "\\", "//", ":", " ", "\t", "\x80", "Host: evil.test\r\n"),
    fc.constantFrom(
      "Origin: null\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Content-Length: 5\r\n",
      "__proto__",
      "{",
      "[",
    ),
    fc.string({ maxLength: 8, unit: "binary-ascii" }),
  ),
});

const apply = (text: string, { at, remove, insert }: Mutation) => {
  const from = at % (text.length + 1);
  return text.slice(0, from) + insert + text.slice(from + remove);
};

test("no mutated request ends the server, is answered with a defect, or without the headers", async () => {
  const served = await serve({ limits: { fileBytes: 4000, saveBytes: 8000, jsonBytes: 2000 } });
  const { port, cwd } = served;
  const begun = request(served, {
    method: "POST",
    target: "/api/saves",
    lines: ownPost(port),
    body: '{"study":"a"}',
  });
  const { id } = JSON.parse((await send(port, begun)).body.toString());
  const statuses = new Map<number, number>();
  /** Requests that a route answers, each with what it takes. */
  const good = fc.constantFrom(
    ["GET", "/", "x/y"],
    ["GET", "/assets/index-AbCd1234.css", "x/y"],
    ["GET", "/api/runs", "x/y"],
    ["GET", "/api/runs/0123456789abcdef/manifest", "x/y"],
    ["GET", "/api/runs/0123456789abcdef/files/a/b", "x/y"],
    ["POST", "/api/saves", "application/json"],
    ["POST", `/api/saves/${id}/commit`, "application/json"],
    ...["a", "b/c", "b/d", "e.f"].map((path) => [
      "PUT",
      `/api/saves/${id}/files/${path}`,
      "application/octet-stream",
    ]),
  );
  const parts = fc.record({
    good,
    method: fc.option(fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"), { freq: 1 }),
    type: fc.option(fc.constantFrom("application/json", "text/plain"), { freq: 1 }),
    body: fc.constantFrom('{"study":"a"}', '{"study":"a","name":"b"}', "{}", "x".repeat(3000), ""),
    known: fc.boolean(),
    mutations: fc.array(mutation, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(parts, async ({ good: [usual, target, taken], body, known, mutations, ...other }) => {
      const { method, type } = { method: other.method ?? usual, type: other.type ?? taken };
      const lines = ownPost(port, type);
      const cookie = known ? served.cookie : null;
      const whole = request(served, {
        method,
        target,
        lines,
        cookie,
        body: method === "GET" ? undefined : body,
      });
      const mutated = Buffer.from(mutations.reduce(apply, whole.toString("latin1")), "latin1");
      const answer = await send(port, mutated, "127.0.0.1", SILENCE);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      expect(answer.status).not.toBe(500);
      if (answer.status !== 0) expect(headerFaults(answer)).toEqual([]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(served.defects).toEqual([]);
  // the mutants reached the parser, the gate, the cookie, the router and its answers
  for (const status of [200, 201, 400, 401, 403, 404, 415])
    expect(statuses.get(status), String(status)).toBeGreaterThan(3);
  expect(readdirSync(cwd)).toEqual(["runs"]);
  for (const name of readdirSync(`${cwd}/runs`)) expect(isRunPath(name), name).toBe(true);
  expect(await send(port, request(served, {}))).toMatchObject({ status: 200 });
});
