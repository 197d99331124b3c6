/** What `track` shows the networks: sequences of a text, and whether they begin with a tokenizer's own token. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { trackProbe } from "../../src/cli/runs/trackProbe.ts";
import { tokenizerOf } from "../../src/data/tokenizer.ts";
import type { Tokenizer } from "../../src/data/tokenizerTypes.ts";
import { presets } from "../../src/model/config.ts";
import { trackPlan } from "../../src/studies/track/index.ts";

const { tokenizers } = JSON.parse(
  readFileSync(new URL("../fixtures/tokenizers/expected.json", import.meta.url), "utf8"),
) as { tokenizers: Record<string, { json: { post_processor: unknown } }> };
const text = "the cat sat on the mat, and 12 dogs ran by.\n".repeat(12);
const nPos = 8;

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-probe-"));
  writeFileSync(join(cwd, "text.txt"), text);
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

function probed(tokenizer: Tokenizer, bos: "yes" | "no" | null) {
  const config = { ...presets.gpt, nCtx: 16, dVocab: tokenizer.size };
  const series = { name: "series", checkpoints: [], tokenizer: async () => tokenizer, task: null };
  const options = { text: "text.txt", tagged: null, bos, tokens: null, positions: nPos, sequences: 10 };
  return trackProbe(series, config, options, cwd).then((named) => ({
    ...named,
    plan: trackPlan(config, named.probe, named.texts, named.name, { begins: named.begins }),
  }));
}

const row = (tokens: Int32Array, n: number) => Array.from(tokens.subarray(n * nPos, (n + 1) * nPos));

test("sequences begin with what the template adds, which counts in no table but as the token before", async () => {
  const tokenizer = tokenizerOf(JSON.stringify(tokenizers.llama3.json));
  const [bos] = tokenizer.encode("the").ids;
  const plain = tokenizer.encode(text, { special: false }).ids;
  expect(plain).not.toContain(bos);
  const { probe, begins, name, plan } = await probed(tokenizer, null);
  expect(begins).toBe(1);
  expect(name).toBe(`text, text.txt; every sequence begins with ${tokenizer.tokenText(bos)}`);
  expect(row(probe.tokens, 0)).toEqual([bos, ...plain.slice(0, nPos - 1)]);
  for (let n = 0; n < probe.count; n++) expect(probe.tokens[n * nPos]).toBe(bos);
  const [byPosition, byContext] = plan.tables;
  expect(Array.from(byPosition.rows.of.subarray(0, nPos)).map((level) => level >= 0)).toEqual([
    false,
    ...Array(nPos - 1).fill(true),
  ]);
  expect(byContext.columns.levels[byContext.columns.of[1]]).toBe("special");
});

test("--bos no leaves the template out, and yes takes the token that tokenizer_config.json names", async () => {
  const llama = tokenizerOf(JSON.stringify(tokenizers.llama3.json));
  const without = await probed(llama, "no");
  expect(without.begins).toBe(0);
  expect(row(without.probe.tokens, 0)).toEqual(llama.encode(text, { special: false }).ids.slice(0, nPos));

  const { json } = tokenizers.gpt2;
  const named = tokenizerOf(JSON.stringify(json), { config: '{"bos_token": "t"}' });
  expect((await probed(named, null)).begins).toBe(0);
  const { bos } = named.roles;
  expect((await probed(named, "yes")).probe.tokens[nPos]).toBe(bos);
  await expect(probed(tokenizerOf(JSON.stringify(json)), "yes")).rejects.toThrow(
    "--bos: needs a tokenizer with a token for the beginning",
  );
});
