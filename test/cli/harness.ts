/** A command line in a box: streams that remember, a clock that is set, handlers that write down what they were asked. */
import { Writable } from "node:stream";
import type { CliIo, Outcome, RunIo } from "../../src/cli/io.ts";
import { type Handlers, main } from "../../src/cli/main.ts";
import { registeredStudies } from "../../src/studies/registry.ts";

/** A stream that remembers what it was given. */
export function recorder(): Writable & { text: string; columns?: number; isTTY?: boolean } {
  const stream = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        stream.text += chunk.toString();
        done();
      },
    }),
    { text: "" },
  );
  return stream;
}

/** What a command line did. */
export interface Answer {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Options that a handler received, by handler. */
  calls: [handler: string, options: unknown][];
}

/** How the box is set up. */
export interface Setup {
  io?: Partial<CliIo>;
  /** Runs in place of every handler. */
  run?: (io: RunIo) => Promise<Outcome>;
  /** Real handlers in place of the ones that write down. */
  handlers?: Partial<Handlers>;
}

const outcome: Outcome = { result: { answer: 42 }, summary: "All is well." };

/** Runs the command line in this process. */
export async function palimpsest(args: readonly string[], setup: Setup = {}): Promise<Answer> {
  const { run = async () => outcome } = setup;
  const stdout = recorder();
  const stderr = recorder();
  const calls: Answer["calls"] = [];
  const handler = (name: string) => async (options: unknown, io: RunIo) => {
    calls.push([name, options]);
    return run(io);
  };
  const handlers: Handlers = {
    studies: [
      { id: null, name: "persistence", question: "What survives?", seeds: 30, seconds: 60 },
      { id: "S1", name: "fidelity", question: "Same numbers?", seeds: 2, seconds: 5 },
    ],
    plans: registeredStudies()
      .map(({ study: { plan } }) => plan)
      .filter(({ name }) => name !== "fidelity"),
    study: handler("study"),
    allStudies: handler("allStudies"),
    findings: handler("findings"),
    persistence: handler("persistence"),
    fidelity: handler("fidelity"),
    experiments: handler("experiments"),
    inspect: handler("inspect"),
    train: handler("train"),
    track: handler("track"),
    sweep: handler("sweep"),
    resume: handler("resume"),
    verify: handler("verify"),
    runsList: handler("runsList"),
    runsCompare: handler("runsCompare"),
    runsQuery: handler("runsQuery"),
    runsRemove: handler("runsRemove"),
    modelsPull: handler("modelsPull"),
    modelsRun: handler("modelsRun"),
    modelsPairs: handler("modelsPairs"),
    modelsCheck: async (options, { print }) => {
      calls.push(["modelsCheck", options]);
      print(outcome.result, outcome.summary);
      return 0;
    },
    bench: handler("bench"),
    worker: async (options, { print }) => {
      calls.push(["worker", options]);
      print(outcome.result, outcome.summary);
      return 0;
    },
    studio: async (options, { print }) => {
      calls.push(["studio", options]);
      print(outcome.result, outcome.summary);
      return 0;
    },
    ...setup.handlers,
  };
  const io: CliIo = {
    stdout,
    stderr,
    cwd: "/somewhere",
    cores: 4,
    signal: new AbortController().signal,
    clock: () => 0,
    date: () => new Date(0),
    showStack: false,
    ...setup.io,
  };
  const exitCode = await main(args, handlers, io);
  return { exitCode, stdout: stdout.text, stderr: stderr.text, calls };
}
