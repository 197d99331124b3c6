/** Objects in storage that speaks Amazon's S3: named bytes that are written once. */
import { ArgumentError, FileError } from "../../base/errors.ts";
import { type AwsCredentials, signedHeaders } from "./awsSignature.ts";
import { pause } from "./broker.ts";

/** An object as it was read. */
export interface StoredObject {
  readonly bytes: Uint8Array;
  /** Names these very bytes to {@link Bucket.replace}. */
  readonly tag: string;
}

/** The objects under a prefix of a bucket. All names are relative to it. */
export interface Bucket {
  /** The place for the reader. */
  readonly shown: string;
  /** null where there is none. */
  get(name: string): Promise<StoredObject | null>;
  /** Writes an object unless there is one of that name: whether it was the first. */
  putFirst(name: string, bytes: Uint8Array): Promise<"first" | "there">;
  /** Writes over an object if it is still the one that was read: whether it was. */
  replace(name: string, bytes: Uint8Array, tag: string): Promise<boolean>;
  /** All names. */
  list(): Promise<string[]>;
}

/** Where a bucket is, and who asks. */
export interface BucketPlace {
  /** `https://HOST` with what comes before the object's name. */
  readonly base: string;
  readonly prefix: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
}

/** Variables that Amazon's own programs read, too. */
export type AwsEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The place that `s3://BUCKET/PREFIX` names, with what the environment says: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN, AWS_REGION, and AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL for storage that is not Amazon's.
 *
 * @throws ArgumentError for another address, or where a variable is missing; no secret is repeated
 */
export function bucketPlace(address: string, environment: AwsEnvironment): BucketPlace {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w.\-/]*))?$/.exec(address);
  if (match === null)
    throw new ArgumentError({
      where: "--store",
      rule: "must be a folder or s3://BUCKET/PREFIX, the prefix of letters, digits and . _ - /",
      got: JSON.stringify(address),
    });
  const [, bucket, path = ""] = match;
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY)
    throw new ArgumentError({
      where: `--store ${address}`,
      rule: "needs credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
      got: AWS_ACCESS_KEY_ID ? "no secret" : "none",
    });
  const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION || "us-east-1";
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL;
  const parts = path.split("/").filter((part) => part !== "");
  return {
    base: endpoint
      ? `${endpoint.replace(/\/+$/, "")}/${bucket}/`
      : `https://${bucket}.s3.${region}.amazonaws.com/`,
    prefix: parts.map((part) => `${part}/`).join(""),
    region,
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN || null,
    },
  };
}

/** How often a call is repeated that the storage or the network did not answer as it should. */
const tries = 8;
const firstPauseMs = 100;
const longestPauseMs = 10_000;
const answerMs = 60_000;

/** Answers after which the same call may be answered: too many calls, another write at the same time, a failure. */
function passes(status: number): boolean {
  return status === 429 || status === 409 || status === 408 || status >= 500;
}

/** The text of every element of a name in a listing. Names in a store hold nothing that XML writes otherwise. */
function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, text]) => text);
}

/** What the storage says is wrong, on one line. */
function complaint(status: number, body: string): string {
  const [code = ""] = elements(body, "Code");
  const [message = ""] = elements(body, "Message");
  return [`status ${status}`, code, message].filter((part) => part !== "").join(", ");
}

/**
 * Opens a bucket; nothing is asked yet.
 *
 * @param fetcher  `fetch` by default
 */
export function openBucket(place: BucketPlace, shown: string, fetcher: typeof fetch = fetch): Bucket {
  const { base, prefix, region, credentials } = place;
  const nothing = new Uint8Array(0);

  /** Asks until there is an answer that means something. Every call may be repeated: a write is never done twice. */
  const ask = async (
    method: string,
    url: URL,
    { headers = {}, body = nothing }: { headers?: Record<string, string>; body?: Uint8Array } = {},
  ) => {
    const where = `${shown}${url.pathname === new URL(base).pathname ? "" : `/${url.pathname.split("/").at(-1)}`}`;
    let got = "";
    for (let i = 0; i < tries; i++) {
      if (i > 0) await pause(Math.min(longestPauseMs, firstPauseMs * 2 ** i));
      try {
        const signed = signedHeaders({ method, url, headers, body }, credentials, region, new Date());
        const { host, ...sent } = signed;
        const response = await fetcher(url, {
          ...{ method, headers: sent, signal: AbortSignal.timeout(answerMs), redirect: "manual" },
          ...(method === "PUT" ? { body: body as BodyInit } : {}),
        });
        const bytes = new Uint8Array(await response.arrayBuffer());
        if (response.ok || response.status === 404 || response.status === 412)
          return { status: response.status, bytes, tag: response.headers.get("etag") ?? "" };
        got = complaint(response.status, new TextDecoder().decode(bytes));
        if (!passes(response.status)) break;
      } catch (error) {
        const { message, cause } = error as Error;
        got = cause instanceof Error && cause.message !== "" ? cause.message : message;
      }
    }
    const rule = method === "PUT" ? "cannot be written" : "cannot be read";
    throw new FileError({ where, rule, got, wayOut: "Check the address, the credentials and the network." });
  };
  const at = (name: string) => new URL(`${base}${prefix}${name}`);
  const missing = (bytes: Uint8Array) =>
    elements(new TextDecoder().decode(bytes), "Code")[0] === "NoSuchBucket";
  const noBucket = () => new FileError({ where: shown, rule: "there is no such bucket" });

  return {
    shown,
    get: async (name) => {
      const { status, bytes, tag } = await ask("GET", at(name));
      if (status !== 404) return { bytes, tag };
      if (missing(bytes)) throw noBucket();
      return null;
    },
    putFirst: async (name, body) => {
      const { status } = await ask("PUT", at(name), { headers: { "if-none-match": "*" }, body });
      if (status === 404) throw noBucket();
      return status === 412 ? "there" : "first";
    },
    replace: async (name, body, tag) => {
      const { status } = await ask("PUT", at(name), { headers: { "if-match": tag }, body });
      return status !== 412 && status !== 404;
    },
    list: async () => {
      const names: string[] = [];
      let token: string | undefined;
      do {
        const url = new URL(base);
        url.searchParams.set("list-type", "2");
        url.searchParams.set("prefix", prefix);
        // results stand directly under the prefix
        url.searchParams.set("delimiter", "/");
        if (token !== undefined) url.searchParams.set("continuation-token", token);
        const { status, bytes } = await ask("GET", url);
        if (status === 404) throw noBucket();
        const xml = new TextDecoder().decode(bytes);
        names.push(...elements(xml, "Key").map((key) => key.slice(prefix.length)));
        token = elements(xml, "NextContinuationToken")[0];
      } while (token !== undefined);
      return names;
    },
  };
}
