import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { loadModel } from "../../src/pretrained/loadModel.ts";
import { memoryFolder } from "../../src/pretrained/modelFolder.ts";
import { readSafetensors, writeSafetensors } from "../../src/record/safetensors.ts";
import { filesOf } from "./modelFixtures.ts";

const CASE = "llama-grouped-sharded";
const INDEX = "model.safetensors.index.json";
const SHARDS = [1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`);

/** The case with another index, and the names that were opened in trying to load it. */
async function load(
  changeMap: (map: Record<string, unknown>) => unknown,
  changeFiles: (files: Record<string, Uint8Array>) => void = () => {},
) {
  const files = filesOf(CASE);
  const index = JSON.parse(new TextDecoder().decode(files[INDEX]));
  index.weight_map = changeMap(index.weight_map) ?? index.weight_map;
  files[INDEX] = new TextEncoder().encode(JSON.stringify(index));
  changeFiles(files);
  const inner = memoryFolder("m", files);
  const opened: string[] = [];
  const open = async (name: string) => {
    opened.push(name);
    return inner.open(name);
  };
  const error = await loadModel({ ...inner, open }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error !== undefined) expect(error).toBeInstanceOf(FileError);
  return { message: (error as FileError | undefined)?.message, opened };
}

test("an index with its shards is read", async () => {
  const { message, opened } = await load(() => {});
  expect(message).toBeUndefined();
  expect(opened.sort()).toEqual(["config.json", ...SHARDS, INDEX]);
});

test("a shard that is not there is named, with the number of those missing", async () => {
  const { message } = await load(
    () => {},
    (files) => {
      delete files[SHARDS[1]];
    },
  );
  expect(message).toMatch(
    /^m\/model\.safetensors\.index\.json, tensor "[^"]+": the folder has no file "model-00002/,
  );
  expect(message).toContain("1 of 3 shards missing");
});

test.each([
  ["../../etc/passwd"],
  ["/etc/passwd"],
  ["%2e%2e/x.safetensors"],
  ["..\\x.safetensors"],
  [`./${SHARDS[0]}`],
  [`${SHARDS[0]}\u0000`],
  [`${SHARDS[0]} `],
  [`${SHARDS[0]}.`],
  [SHARDS[0].toUpperCase()],
  ["x".repeat(3000)],
  ["__proto__"],
  ["\u202ename"],
])("a shard's name is never a path: %j is refused, and nothing is opened under it", async (name) => {
  const { message, opened } = await load((map) => {
    map["lm_head.weight"] = name;
  });
  expect(message).toMatch(/the folder has no file/);
  expect(opened).toEqual(["config.json", INDEX]);
  expect((message as string).length).toBeLessThan(600);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: just these must not reach a terminal
  expect(message).not.toMatch(/[\u0000-\u001f\u202a-\u202e]/);
});

test("a tensor in another shard than the index says is named", async () => {
  const { message } = await load((map) => {
    map["lm_head.weight"] = SHARDS[0];
  });
  expect(message).toMatch(
    /index\.json, tensor "lm_head\.weight": is said to be in "model-00001-of-00003\.safetensors", where it is not/,
  );
});

test("a tensor that the index does not mention is named", async () => {
  const { message } = await load((map) => {
    delete map["lm_head.weight"];
  });
  expect(message).toMatch(
    /model-00003-of-00003\.safetensors, tensor "lm_head\.weight": must be in exactly the shard/,
  );
  expect(message).toContain("no mention of it in the index");
});

test("a tensor in two shards is refused", async () => {
  const { message } = await load(
    () => {},
    (files) => {
      const { tensors } = readSafetensors(files[SHARDS[2]], { file: SHARDS[2] });
      const more = readSafetensors(files[SHARDS[0]], { file: SHARDS[0] }).tensors;
      files[SHARDS[2]] = writeSafetensors([...tensors, [...more][0]]);
    },
  );
  expect(message).toMatch(/model-00003-of-00003\.safetensors, tensor "[^"]+": must be in exactly the shard/);
  expect(message).toContain('got "model-00001-of-00003.safetensors"');
});

test.each([
  ["no object", [1, 2], /weight_map; must be an object of texts|weight_map: must be an object of texts/],
  ["numbers for files", { a: 1 }, /weight_map: must be an object of texts/],
  ["nothing", {}, /weight_map: must name at least one tensor/],
])("an index of %s is refused", async (_, map, message) => {
  expect((await load(() => map)).message).toMatch(message);
});

test("an index of too many files is refused before any is opened", async () => {
  const names = Array.from({ length: 2000 }, (_, i) => `s${i}.safetensors`);
  const { message, opened } = await load(
    () => Object.fromEntries(names.map((name, i) => [`t${i}`, name])),
    (files) => {
      for (const name of names) files[name] = new Uint8Array(1);
    },
  );
  expect(message).toMatch(/weight_map: may name 1000 files/);
  expect(opened).toEqual(["config.json", INDEX]);
});
