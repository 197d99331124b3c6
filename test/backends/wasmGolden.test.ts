/**
 * A recorded value beside the oracles of the other tests: the same training must give the same bits on every machine,
 * in every JavaScript engine and in the page.
 */
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import recorded from "./golden.json" with { type: "json" };
import { trainGolden } from "./golden.ts";

test.each(["lanes", "single"] as const)(
  "fifty steps of the original model end in the recorded bits (%s)",
  async (layout) => {
    const { losses, sha256 } = await trainGolden(wasmBackend({ layout }));
    expect(losses).toEqual(recorded.losses);
    expect(sha256).toBe(recorded.sha256);
  },
);
