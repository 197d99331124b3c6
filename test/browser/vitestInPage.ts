/** Stands for `vitest` in the page of onnx.test.ts: tests are collected, and run when they are asked for. */
export { expect } from "vitest";

type Body<Values extends unknown[]> = (...values: Values) => unknown;

/** What a test came to; `failure` says why it failed. */
export interface Outcome {
  title: string;
  failure?: string;
}

const collected = new Map<string, () => unknown>();
let group = "";

/** Registers a test. */
export function test(title: string, body: () => unknown): void {
  const name = `${group}${title}`;
  if (collected.has(name)) throw new Error(`two tests are called "${name}"`);
  collected.set(name, body);
}

/** Registers a test for each value, or list of values; its title has the first in the place of `%s`. */
test.each =
  <Value>(cases: readonly Value[]) =>
  (title: string, body: Body<Value extends readonly unknown[] ? [...Value] : [Value]>): void => {
    for (const each of cases) {
      const values = Array.isArray(each) ? each : [each];
      test(title.replace("%s", String(values[0])), () => (body as Body<unknown[]>)(...values));
    }
  };

/** Registers the tests of a group under its name. */
export function describe(name: string, register: () => void): void {
  const outer = group;
  group = `${outer}${name} > `;
  register();
  group = outer;
}

/** Runs, one after the other, the tests that were registered since the last time. */
export async function runCollected(): Promise<Outcome[]> {
  const tests = [...collected];
  collected.clear();
  const outcomes: Outcome[] = [];
  for (const [title, body] of tests) {
    try {
      await body();
      outcomes.push({ title });
    } catch (error) {
      outcomes.push({ title, failure: String(error) });
    }
  }
  return outcomes;
}
