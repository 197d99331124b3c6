import { expect, test } from "vitest";
import { optionalPackages } from "../../src/cli/queue/optionalPackage.ts";

const absent = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /a/b.js`), {
    code: "ERR_MODULE_NOT_FOUND",
  });

test("packages that are there are loaded in the order they are asked for", async () => {
  expect(await optionalPackages("--queue", ["pg", "bullmq"], async (name) => `module ${name}`)).toEqual([
    "module pg",
    "module bullmq",
  ]);
});

test("a package that is absent is asked for in one sentence, with all that must be installed", async () => {
  const load = async (name: string) => {
    if (name === "ioredis") throw absent(name);
    return {};
  };
  await expect(optionalPackages("--queue", ["bullmq", "ioredis"], load)).rejects.toThrow(
    "--queue: needs the packages bullmq and ioredis; got no ioredis. npm install bullmq@6.7.0 ioredis@6.0.0.",
  );
});

test("a package that is there but broken is not said to be absent", async () => {
  const load = async () => {
    throw absent("something-of-its-own");
  };
  await expect(optionalPackages("--queue", ["pg"], load)).rejects.toThrow("something-of-its-own");
});
