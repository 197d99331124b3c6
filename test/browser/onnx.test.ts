/** The onnx backend in a browser: its tests in a page, and the places that a page may keep ONNX Runtime's files in. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { computedOps } from "../backends/trials.ts";
import { configNames } from "../interp/networks.ts";
import { attention } from "./attention.ts";
import { leftOut, type OpenBrowser, openBrowser } from "./openBrowser.ts";
import { buildOnnxPage } from "./servePage.ts";
import * as inPage from "./vitestInPage.ts";

/** Scores of order 10 through two sums of 128 products in float32, of which softmax makes numbers below 1. */
const FLOAT32 = 4e-6;
const WASM = "ort/ort-wasm-simd-threaded.wasm";
const GLUE = "ort/ort-wasm-simd-threaded.mjs";

test("the page's test runner tells which tests failed and why, and runs each once", async () => {
  inPage.test("passes", () => {});
  inPage.describe("group", () => {
    inPage.test.each([["a", 1] as [string, number], ["b", 2]])("%s fails", (name, value) => {
      inPage.expect(`${name}${value}`).toBe("a1");
    });
    inPage.test("rejects", () => Promise.reject(new Error("no")));
  });
  expect(await inPage.runCollected()).toEqual([
    { title: "passes" },
    { title: "group > a fails" },
    { title: "group > b fails", failure: expect.stringContaining("expected 'b2' to be 'a1'") },
    { title: "group > rejects", failure: "Error: no" },
  ]);
  expect(await inPage.runCollected()).toEqual([]);
});

describe.skipIf(leftOut)("in a browser", () => {
  let opened: Promise<OpenBrowser>;

  // every test awaits the browser itself: without one each of them fails, and none is quietly passed over
  beforeAll(async () => {
    opened = openBrowser(buildOnnxPage);
    await opened.catch(() => {});
  });

  afterAll(async () => {
    await opened.then(({ close }) => close()).catch(() => {});
  });

  test("every op, whole programs, and models with sites, interventions and training pass the tests of Node", async () => {
    const { visit, from } = await opened;
    const { page, origin, requests, complaints, workers } = await visit("onnxInPage");
    const ops = await page.evaluate(() => globalThis.onnxInPage.tests("onnx.test.ts"));
    const models = await page.evaluate(() => globalThis.onnxInPage.tests("onnxModels.test.ts"));
    expect(
      [...ops, ...models].filter(({ failure }) => failure !== undefined),
      from,
    ).toEqual([]);

    const titles = [...ops, ...models].map(({ title }) => title);
    for (const op of computedOps)
      expect(titles).toEqual(
        expect.arrayContaining([
          `onnx backend > ${op} gives what it should on every sample, alone and in a population`,
          `onnx backend > ${op} gives what it should on random shapes, whatever the other models hold`,
        ]),
      );
    for (const name of configNames)
      expect(titles).toContain(`${name}: every site and every gradient is the reference's`);
    for (const optimizer of Object.keys(optimizers))
      expect(titles).toContain(`steps of ${optimizer} give the reference's losses, twice with the same bits`);
    expect(titles.filter((title) => title.endsWith("has the reference's consequences"))).toHaveLength(3);

    expect(requests).toEqual(expect.arrayContaining([`${origin}/${WASM}`, `${origin}/${GLUE}`]));
    expect(requests.filter((url) => new URL(url).origin !== origin)).toEqual([]);
    expect(workers).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close(); // else the browser goes on to optimise the WebAssembly
  });

  test.each([
    ["an isolated page has the threads that it is told, their script from the folder of files", "ort", 1],
    ["a page that names the WebAssembly alone has one thread", { wasm: WASM }, 0],
  ] as const)("%s", async (_, files, workers) => {
    const { visit, from } = await opened;
    const { page, origin, requests, complaints, ...visited } = await visit("onnxInPage", { isolated: true });
    const pattern = await page.evaluate((options) => globalThis.onnxInPage.attention(options), {
      threads: 2,
      files,
    });
    const expected = await attention(referenceBackend);
    expect(pattern).toHaveLength(expected.length);
    pattern.forEach((value, i) => {
      expect(Math.abs(value - expected[i]), from).toBeLessThan(FLOAT32);
    });
    expect(visited.workers).toEqual(new Array(workers).fill(`${origin}/${GLUE}`));
    expect(requests).toContain(`${origin}/${WASM}`);
    expect(requests.includes(`${origin}/${GLUE}`)).toBe(files === "ort");
    expect(requests.filter((url) => new URL(url).origin !== origin)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close(); // else the browser goes on to optimise the WebAssembly
  });

  test("where the files are not, one sentence says where they were looked for, and nobody else is asked", async () => {
    const { visit } = await opened;
    for (const [files, where] of [
      [undefined, "beside the page's script"],
      ["elsewhere", 'in "http://127.0.0.1:\\d+/elsewhere/"'],
    ] as const) {
      const { page, origin, requests } = await visit("onnxInPage");
      const message = await page.evaluate(
        (options) => globalThis.onnxInPage.attention(options).then(String, (error: Error) => error.message),
        { files },
      );
      expect(message).toMatch(
        new RegExp(
          `^onnx backend: the WebAssembly of onnxruntime-web cannot be loaded; got [^\\n]+\\. Looked ${where}: serve its files there, or say where they are \\(files\\)\\.$`,
        ),
      );
      expect(requests.filter((url) => new URL(url).origin !== origin)).toEqual([]);
    }
  });
});
