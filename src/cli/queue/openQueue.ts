/** From the address of a queue to the queue. */
import { hostname } from "node:os";
import { canonicalJson } from "../../record/canonicalJson.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import type { Program } from "../sweep/workplace.ts";
import { createBrokerQueue } from "./brokerQueue.ts";
import type { JobQueue } from "./jobQueue.ts";
import { openPostgres } from "./postgresBroker.ts";
import { passwordVariable, queueUrl } from "./queueUrl.ts";
import { openRedis } from "./redisBroker.ts";

/** What computes jobs: another would come to other numbers, and sees other queues. */
export interface ComputingProgram {
  /** Of Palimpsest. */
  readonly version: string;
  /** SHA-256 of the kernels; null where there are none. */
  readonly engine: string | null;
}

/** What a program computes with by default, as far as queues are kept apart by it. */
export function computingProgram(program: Program): ComputingProgram {
  return { version: program.version, engine: program.engineOf("wasm") };
}

/** Which queue on the server, and how its jobs are leased. */
export interface OpenQueueOptions {
  /** Identity of the store whose results the jobs make: those of another store never meet. */
  readonly store: string;
  readonly program: ComputingProgram;
  /** How long a worker may be silent before its jobs are given to others, ms; 30 s by default. */
  readonly leaseMs?: number;
}

const standardLeaseMs = 30_000;

/**
 * Opens a queue on a server, after a look at whether the server would remember the jobs through a failure.
 *
 * @param url  see {@link queueUrl}; a password may stand in the environment instead
 * @throws ArgumentError in one sentence that says what to install, to start or to set
 */
export async function openQueue(
  url: string,
  { store, program, leaseMs = standardLeaseMs }: OpenQueueOptions,
): Promise<JobQueue> {
  const address = queueUrl(url, process.env[passwordVariable]);
  const broker = await (address.kind === "redis" ? openRedis(address) : openPostgres(address));
  const workerName = `${hostname()}-${process.pid}`.replaceAll(/[^\w.-]/g, "-");
  const { version, engine } = program;
  const hash = sha256OfBytes(new TextEncoder().encode(canonicalJson({ version, engine })));
  return createBrokerQueue(broker, `sweep-${store}-${hash.slice(0, 12)}`, address.shown, {
    leaseMs,
    workerName,
  });
}
