import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ArgumentError, FileError } from "../../src/base/errors.ts";
import { signedHeaders } from "../../src/cli/queue/awsSignature.ts";
import { bucketPlace } from "../../src/cli/queue/bucket.ts";
import { openAnyStore } from "../../src/cli/queue/objectStore.ts";
import { jobKey, type SweepJob } from "../../src/studies/sweep/job.ts";
import { type SweepResult, sweepResultBytes } from "../../src/studies/sweep/result.ts";
import { type ObjectServer, startObjects } from "./objectServer.ts";

const secret = "the-secret-key";
let server: ObjectServer;
let prefixes = 0;
let address = "";
beforeAll(async () => {
  server = await startObjects("lab", "me");
});
afterAll(() => server.close());
beforeEach(() => {
  address = `s3://lab/sweeps/${prefixes++}`;
  Object.assign(server.behaviour, { conditional: true, failures: [], page: 1000, beforeWrite: () => {} });
});

const environment = (change: Record<string, string> = {}) => ({
  ...{ AWS_ACCESS_KEY_ID: "me", AWS_SECRET_ACCESS_KEY: secret, AWS_ENDPOINT_URL_S3: server.url },
  ...{ XDG_CACHE_HOME: "/cache", ...change },
});
const open = (change: Record<string, string> = {}) =>
  openAnyStore({ folder: address, cwd: "/" }, environment(change));

function resultOf(seed: number, value = 0.5): SweepResult {
  const job: SweepJob = {
    format: 1,
    study: "persistence",
    config: {},
    seeds: [seed, 9],
    engine: null,
    version: "1",
  };
  const outcome = { statistic: "s", value, low: Number.NaN, high: Number.NaN };
  return { key: jobKey(job), job, series: [], outcomes: [outcome], verdicts: [], models: [] };
}
const nameOf = (file: string) => `${address.slice("s3://lab/".length)}/${file}`;

test("the first result of a job wins, an equal one is the same, another is kept beside it as evidence", async () => {
  const [store, other] = await Promise.all([open(), open()]);
  expect(store.id).toMatch(/^[0-9a-f]{32}$/);
  expect(other.id).toBe(store.id);
  const result = resultOf(1);
  expect(await store.read(result.key)).toBeNull();
  expect(await store.put(result)).toEqual({ kind: "first" });
  expect(await other.put(result)).toEqual({ kind: "same" });
  expect(await other.read(result.key)).toEqual(result);
  const kept = await other.put(resultOf(1, 0.75));
  expect(kept).toEqual({
    kind: "differs",
    evidence: expect.stringContaining(`${address}/${result.key}.differs-`),
  });
  expect(await store.read(result.key)).toEqual(result);
  expect(await store.keys()).toEqual(new Set([result.key]));
  expect([...(await store.evidence())]).toEqual([[result.key, [(kept as { evidence: string }).evidence]]]);
  expect(store.workPath(result.key)).toBe(`/cache/palimpsest/sweeps/${store.id}/${result.key}`);
});

test("of many that publish at once one is the first, whatever comes between the look and the write", async () => {
  const stores = await Promise.all(Array.from({ length: 8 }, () => open()));
  const outcomes = await Promise.all(stores.map((store) => store.put(resultOf(2))));
  expect(outcomes.filter(({ kind }) => kind === "first")).toHaveLength(1);
  expect(outcomes.filter(({ kind }) => kind === "same")).toHaveLength(7);
});

test("a damaged result is no result: it is kept beside, replaced once, and never over a good one", async () => {
  const store = await open();
  const result = resultOf(3);
  const bytes = sweepResultBytes(result);
  const damaged = bytes.slice();
  damaged[10] ^= 1;
  server.objects.set(nameOf(`${result.key}.json`), damaged);
  expect(await store.read(result.key)).toBeNull();
  expect(await store.put(result)).toEqual({ kind: "first" });
  expect(store.notices).toHaveLength(1);
  expect(server.objects.get(nameOf(`${result.key}.json`))).toEqual(bytes);
  const aside = [...server.objects.keys()].filter((name) => name.includes(`${result.key}.damaged-`));
  expect(aside.map((name) => server.objects.get(name))).toEqual([damaged]);
  // another mends it between the look and the write
  server.objects.set(nameOf(`${result.key}.json`), damaged);
  let looks = 0;
  server.behaviour.beforeWrite = (name) => {
    if (name.includes(".damaged-") && looks++ === 0) server.objects.set(nameOf(`${result.key}.json`), bytes);
  };
  expect(await store.put(result)).toEqual({ kind: "same" });
});

test("calls that the storage does not answer for the moment are repeated", async () => {
  server.behaviour.failures = [503, 429];
  const store = await open();
  server.behaviour.failures = [500, 409];
  expect(await store.put(resultOf(4))).toEqual({ kind: "first" });
});

test("a listing of many pages is read to its end", async () => {
  const store = await open();
  const keys = [];
  for (let seed = 10; seed < 17; seed++) {
    keys.push(resultOf(seed).key);
    await store.put(resultOf(seed));
  }
  server.behaviour.page = 3;
  expect(await store.keys()).toEqual(new Set(keys));
});

test("storage that writes over what is there is refused before anything is lost to it", async () => {
  server.behaviour.conditional = false;
  await expect(open()).rejects.toThrow(ArgumentError);
  await expect(open()).rejects.toThrow(/must honour If-None-Match: \*/);
});

test("what is wrong with the place is said in a sentence without the secret", async () => {
  const refused = async (change: Record<string, string>) => {
    try {
      await open(change);
      return "";
    } catch (error) {
      expect(error).toBeInstanceOf(FileError);
      expect((error as Error).message).not.toContain(secret);
      return (error as Error).message;
    }
  };
  expect(await refused({ AWS_ACCESS_KEY_ID: "you" })).toMatch(
    /store\.json: cannot be read; got status 403, InvalidAccessKeyId\./,
  );
  address = "s3://another/sweeps";
  expect(await refused({})).toBe("s3://another/sweeps: there is no such bucket.");
  expect(() => bucketPlace("s3://lab/a b", environment())).toThrow(/letters, digits/);
  expect(() => bucketPlace("s3://LAB", environment())).toThrow(ArgumentError);
  expect(() => bucketPlace("s3://lab", { AWS_ACCESS_KEY_ID: "me" })).toThrow(/got no secret/);
  expect(
    bucketPlace("s3://lab//a/b/", { ...environment(), AWS_ENDPOINT_URL_S3: "", AWS_REGION: "eu-west-1" }),
  ).toMatchObject({
    base: "https://lab.s3.eu-west-1.amazonaws.com/",
    prefix: "a/b/",
  });
});

/** Requests with their signatures, from Amazon's S3 API Reference (signature version 4, "Examples"). */
const documented = [
  {
    ...{ method: "GET", path: "/test.txt", headers: { range: "bytes=0-9" }, body: "" },
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
  {
    ...{ method: "PUT", path: "/test$file.text", body: "Welcome to Amazon S3." },
    headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  },
  {
    ...{ method: "GET", path: "/?max-keys=2&prefix=J", headers: {}, body: "" },
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  },
];

test.each(documented)(
  "$method $path is signed as the documentation signs it",
  ({ method, path, headers, body, signature }) => {
    const url = new URL(path, "https://examplebucket.s3.amazonaws.com");
    const { authorization } = signedHeaders(
      {
        method,
        url,
        headers: headers as unknown as Record<string, string>,
        body: new TextEncoder().encode(body),
      },
      {
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        sessionToken: null,
      },
      "us-east-1",
      new Date("2013-05-24T00:00:00Z"),
    );
    expect(authorization).toMatch(new RegExp(`,Signature=${signature}$`));
  },
);
