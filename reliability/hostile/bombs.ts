/** Files that are small to write and large to read: each says with what it is made, what reads it, and what must be said. */
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zipSync } from "fflate";
import { openFileSource, openModelFolder } from "../../src/cli/models/fileSource.ts";
import { readTokenizer } from "../../src/cli/models/openModel.ts";
import { manifestLimit, readRun } from "../../src/cli/runList/runPlace.ts";
import { lookAtRun } from "../../src/cli/verify/runAtHand.ts";
import { describeModel } from "../../src/pretrained/loadModel.ts";
import { indexName } from "../../src/pretrained/shardIndex.ts";
import { openTensors, singleName } from "../../src/pretrained/tensorFiles.ts";
import { crc32c } from "../../src/record/crc32.ts";
import { unpackValue } from "../../src/record/packed.ts";
import { openRunArchive } from "../../src/record/runArchive.ts";
import { readWidened } from "../../src/record/tensorReader.ts";
import { fileOf } from "../../test/record/mutants.ts";

/** A file that must be refused. */
export interface Bomb {
  readonly name: string;
  /** Puts it into an empty folder; it costs whoever makes it what it costs. */
  make(folder: string): void;
  /** Reads it as the program does. */
  read(folder: string): unknown;
  /** Limit, value and file, or what else must be told. */
  readonly says: RegExp;
}

type Content = string | Uint8Array;

/** A file of so many bytes of which only the first were written; a disk keeps the rest as a hole. */
const sparse = (start: Content, size: number) => (path: string) => {
  const file = openSync(path, "w");
  if (typeof start === "string") writeSync(file, start);
  else writeSync(file, start);
  ftruncateSync(file, size);
  closeSync(file);
};
const whole = (content: () => Content) => (path: string) => writeFileSync(path, content());

const lengthOf = (length: bigint) => new Uint8Array(BigUint64Array.of(length).buffer);
const repeated = (count: number, item: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => item(i)).join();
const [tenMillion, sixHundredMegabytes] = [10_000_000, 600_000_000];

const model = (folder: string) => openModelFolder(folder, "m");
const tensors = async (folder: string) => openTensors(await model(folder));
const config = async (folder: string) => describeModel(await model(folder));
const tokenizer = async (folder: string) => readTokenizer(await model(folder));
/** The sweep of a file; what knows every study is loaded only here. */
const sweepFile = (name: string) => async (folder: string) => {
  const { readSweepFile } = await import("../../src/cli/sweep/readSweepFile.ts");
  const { parseSweep } = await import("../../src/studies/sweep/spec.ts");
  return parseSweep(await readSweepFile(name, folder), name);
};

/** A file of a model. */
const ofModel = (
  name: string,
  file: string,
  write: (path: string) => void,
  read: Bomb["read"],
  says: RegExp,
): Bomb => ({ name, make: (folder) => write(join(folder, file)), read, says });

const configOf = (fields: object) =>
  whole(() =>
    JSON.stringify({
      model_type: "gpt2",
      n_layer: 2,
      n_head: 2,
      n_embd: 8,
      vocab_size: 9,
      n_ctx: 8,
      ...fields,
    }),
  );
const gptNeox = { model_type: "gpt_neox", hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 1 };

/** A log's line with its check sum. */
const logLine = (body: string) =>
  `${body},"crc":"${crc32c(new TextEncoder().encode(body)).toString(16).padStart(8, "0")}"}\n`;
const started = '{"seq":0,"epoch":1,"time":"2025-01-02T03:04:05.678Z","event":"started"';

/** A file of a run folder, which is the folder itself. */
const ofRun = (name: string, file: string, write: (path: string) => void, says: RegExp): Bomb =>
  ofModel(name, file, write, (folder) => lookAtRun(".", folder), says);

const laughs = ["a: &a [x,x,x,x,x,x,x,x,x]"];
for (let i = 1; i < 12; i++) {
  const [name, before] = ["abcdefghijkl"[i], "abcdefghijkl"[i - 1]];
  laughs.push(`${name}: &${name} [${`*${before},`.repeat(8)}*${before}]`);
}

export const bombs: readonly Bomb[] = [
  // safetensors
  ofModel(
    "a header of 100,000,001 bytes",
    singleName,
    sparse(lengthOf(100_000_001n), 100_000_100),
    tensors,
    /model\.safetensors, byte 0: the header may be 16777216 bytes long; got a length of 100000001/,
  ),
  ofModel(
    "a header of 2^63 bytes",
    singleName,
    sparse(lengthOf(2n ** 63n), 4096),
    tensors,
    /the header may be 16777216 bytes long; got a length of 9223372036854775808/,
  ),
  ofModel(
    "a million tensors",
    singleName,
    whole(() =>
      fileOf([
        `{${repeated(1_000_000, (i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)}}`,
        0,
      ]),
    ),
    tensors,
    /the header may be 16777216 bytes long/,
  ),
  ofModel(
    "250,000 tensors in a header that is short enough",
    singleName,
    whole(() =>
      fileOf([`{${repeated(250_000, (i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)}}`, 0]),
    ),
    tensors,
    /model\.safetensors, byte \d+: a file may hold 200000 tensors/,
  ),
  ofModel(
    "a header nested ten million deep",
    singleName,
    whole(() => fileOf([`{"a":{"x":${"[".repeat(tenMillion)}`, 0])),
    tensors,
    /model\.safetensors, byte \d+: lists and objects may be nested 127 deep/,
  ),
  ofModel(
    "a tensor of 2^62 elements",
    singleName,
    whole(() => fileOf(['{"a":{"dtype":"F64","shape":[2147483648,2147483648],"data_offsets":[0,8]}}', 8])),
    tensors,
    /model\.safetensors.*"a"/,
  ),
  ofModel(
    "a tensor of a hundred gigabytes that is a hole",
    singleName,
    (path) => {
      const size = 100_000_000_000;
      const header = `{"a":{"dtype":"F32","shape":[100,${size / 400}],"data_offsets":[0,${size}]}}`;
      sparse(fileOf([header, 0]), 8 + header.length + size)(path);
    },
    async (folder) => {
      const { tensors: places } = await tensors(folder);
      for (const { source, place } of places.values()) await readWidened(source, place);
    },
    /model\.safetensors.*"a".*100000000000/,
  ),
  // a model's JSON
  ofModel(
    "config.json of 600 MB",
    "config.json",
    sparse('{"a":"', sixHundredMegabytes),
    config,
    /m\/config\.json: may be 1048576 bytes long; got 600000000 bytes/,
  ),
  ofModel(
    "config.json nested half a million deep",
    "config.json",
    whole(() => `{"a":${"[".repeat(500_000)}`),
    config,
    /config\.json, byte \d+: lists and objects may be nested 16 deep/,
  ),
  ofModel(
    "10^9 layers",
    "config.json",
    configOf({ n_layer: 1e9 }),
    config,
    /config\.json, n_layer: must be a whole number, \d+ to \d+; got 1000000000/,
  ),
  ofModel(
    "a stream of 2^53",
    "config.json",
    configOf({ n_embd: 2 ** 53 }),
    config,
    /config\.json, n_embd: must be a whole number, \d+ to \d+; got 9007199254740992/,
  ),
  ofModel(
    "heads of no width",
    "config.json",
    configOf({ n_embd: 0 }),
    config,
    /config\.json, n_embd: must be a whole number, \d+ to \d+; got 0/,
  ),
  ofModel(
    "a vocabulary of −1",
    "config.json",
    configOf({ vocab_size: -1 }),
    config,
    /config\.json, vocab_size: must be a whole number, \d+ to \d+; got -1/,
  ),
  ofModel(
    "no heads",
    "config.json",
    whole(() => JSON.stringify({ ...gptNeox, num_attention_heads: 0 })),
    config,
    /config\.json, num_attention_heads: must be a whole number/,
  ),
  ofModel(
    "config.json that is gzip",
    "config.json",
    whole(() => gzipSync(new Uint8Array(900_000_000 / 1000))),
    config,
    /config\.json/,
  ),
  ofModel(
    "an index of 600 MB",
    indexName,
    sparse('{"weight_map":{"', sixHundredMegabytes),
    tensors,
    /index\.json: may be 16777216 bytes long; got 600000000 bytes/,
  ),
  ofModel(
    "an index nested ten million deep",
    indexName,
    whole(() => `{"a":${"[".repeat(tenMillion)}`),
    tensors,
    /index\.json, byte \d+: lists and objects may be nested 8 deep/,
  ),
  ofModel(
    "an index of a million tensors",
    indexName,
    whole(() => `{"weight_map":{${repeated(1_000_000, (i) => `"${i}":"a"`)}}}`),
    tensors,
    /index\.json/,
  ),
  // tokenizers
  ofModel(
    "tokenizer.json of 600 MB",
    "tokenizer.json",
    sparse('{"a":"', sixHundredMegabytes),
    tokenizer,
    /tokenizer\.json: may be 67108864 bytes long; got 600000000 bytes/,
  ),
  ofModel(
    "tokenizer.json nested ten million deep",
    "tokenizer.json",
    whole(() => `{"a":${"[".repeat(tenMillion)}`),
    tokenizer,
    /tokenizer\.json: lists and objects may be nested 32 deep/,
  ),
  ofModel(
    "a vocabulary of 10^7 tokens",
    "tokenizer.json",
    whole(() => `{"model":{"type":"BPE","merges":[],"vocab":{${'"a":0,'.repeat(tenMillion)}"b":1}}}`),
    tokenizer,
    /tokenizer\.json: an object may hold 1000000 values/,
  ),
  ofModel(
    "10^7 merges",
    "tokenizer.json",
    whole(() => `{"model":{"type":"BPE","vocab":{"a":0},"merges":[${'"",'.repeat(tenMillion)}""]}}`),
    tokenizer,
    /tokenizer\.json: .*2000000/,
  ),
  // runs
  ofRun(
    "a manifest of 600 MB",
    "manifest.json",
    sparse("{", sixHundredMegabytes),
    /manifest\.json: may be 33554432 bytes long; got 600000000/,
  ),
  ofRun(
    "a manifest nested ten million deep",
    "manifest.json",
    whole(() => `{"config":${"[".repeat(tenMillion)}`),
    /manifest\.json.*nested 64 deep/,
  ),
  ofModel(
    "a listed manifest of 600 MB",
    "manifest.json",
    sparse("{", sixHundredMegabytes),
    (folder) => readRun({ base: folder, name: "." }, manifestLimit),
    /manifest\.json: may be \d+ bytes long; got 600000000/,
  ),
  ofRun("a log of 600 MB", "log.jsonl", sparse(started, sixHundredMegabytes), /log\.jsonl|run folder/),
  ofRun(
    "a log that is one line nested ten million deep",
    "log.jsonl",
    whole(() => logLine(`${started},"x":${"[".repeat(tenMillion)}${"]".repeat(tenMillion)}`)),
    /log\.jsonl|run folder/,
  ),
  // sweeps
  ofModel(
    "a sweep of 600 MB",
    "sweep.yaml",
    sparse("sweep: ", sixHundredMegabytes),
    sweepFile("sweep.yaml"),
    /sweep\.yaml: may be 1048576 bytes long; got 600000000/,
  ),
  ofModel(
    "a sweep in YAML nested half a million deep",
    "sweep.yaml",
    whole(() => `grid: ${"[".repeat(500_000)}`),
    sweepFile("sweep.yaml"),
    /sweep\.yaml.*(nested \d+ deep|characters long)/,
  ),
  ofModel(
    "a sweep in YAML of dashes",
    "sweep.yaml",
    whole(() => `grid:\n  ${"- ".repeat(500_000)}1`),
    sweepFile("sweep.yaml"),
    /sweep\.yaml.*(nested \d+ deep|characters long)/,
  ),
  ofModel(
    "a sweep in YAML of ever deeper lines",
    "sweep.yaml",
    whole(() => Array.from({ length: 1400 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")),
    sweepFile("sweep.yaml"),
    /sweep\.yaml.*(nested \d+ deep|characters long)/,
  ),
  ofModel(
    "a sweep in YAML that laughs a billion times",
    "sweep.yaml",
    whole(() => laughs.join("\n")),
    sweepFile("sweep.yaml"),
    /sweep\.yaml/,
  ),
  ofModel(
    "a sweep in JSON nested half a million deep",
    "sweep.json",
    whole(() => `{"grid":${"[".repeat(500_000)}`),
    sweepFile("sweep.json"),
    /sweep\.json.*nested \d+ deep/,
  ),
  ofModel(
    "a sweep of 10^12 jobs",
    "sweep.json",
    whole(() => {
      const values = Array.from({ length: 1000 }, (_, i) => i + 1);
      const grid = { batch: values, steps: values, "model.dMlp": values, sequences: values };
      return JSON.stringify({ sweep: "x", study: "persistence", grid });
    }),
    async (folder) => {
      const { expandSweep } = await import("../../src/studies/sweep/expand.ts");
      const spec = await sweepFile("sweep.json")(folder);
      return expandSweep(spec, "sweep.json", { engine: null, version: "0" } as never);
    },
    /sweep\.json: may come to 100000 jobs; got 1000000000000/,
  ),
  ofModel(
    "10^9 draws",
    "sweep.json",
    whole(() => '{"sweep":"x","random":{"draws":1000000000,"over":{"lr":{"uniform":[0,1]}}}}'),
    sweepFile("sweep.json"),
    /sweep\.json.*draws: must be a whole number, 1 to 100000/,
  ),
  // archives and states
  ofModel(
    "an archive of zeros",
    "run.zip",
    whole(() => zipSync({ "manifest.json": new Uint8Array(2 ** 25) }, { level: 9 })),
    async (folder) => {
      const source = await openFileSource(join(folder, "run.zip"), "run.zip");
      const archive = await openRunArchive(source, { fileBytes: 2 ** 22 });
      await archive.bytes("manifest.json");
    },
    /run\.zip.*"manifest\.json": may be 4194304 bytes long; got 33554432/,
  ),
  ofModel(
    "a state of 2^31 rows",
    "state.safetensors",
    whole(() =>
      fileOf([
        '{"__metadata__":{"value":"{\\"$rows\\":\\"a\\"}"},"a":{"dtype":"F32","shape":[2147483648,0],"data_offsets":[0,0]}}',
        0,
      ]),
    ),
    async (folder) => {
      const { source } = {
        source: await openFileSource(join(folder, "state.safetensors"), "state.safetensors"),
      };
      unpackValue(await source.read(0, source.size), source.name);
    },
    /state\.safetensors/,
  ),
  ofModel(
    "a state whose JSON is nested ten million deep",
    "state.safetensors",
    whole(() => {
      const json = `${"[".repeat(tenMillion)}${"]".repeat(tenMillion)}`;
      const header = `{"$json":{"dtype":"U8","shape":[${json.length}],"data_offsets":[0,${json.length}]}}`;
      return Uint8Array.from(Buffer.concat([fileOf([header, 0]), Buffer.from(json)]));
    }),
    async (folder) => {
      const source = await openFileSource(join(folder, "state.safetensors"), "state.safetensors");
      unpackValue(await source.read(0, source.size), source.name);
    },
    /state\.safetensors.*nested \d+ deep/,
  ),
];
