import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { FileError, InternalError } from "../../src/base/errors.ts";
import type { Interruption } from "../../src/cli/io.ts";
import { StoppedRun } from "../../src/cli/runs/stoppedRun.ts";
import { tasks } from "../../src/data/registry.ts";
import { registeredStudies } from "../../src/studies/registry.ts";
import { palimpsest } from "./harness.ts";

const persistence = ["study", "persistence"];
const ten = Array.from({ length: 10 }, (_, i) => i);
const thirty = Array.from({ length: 30 }, (_, i) => i);

const standard = {
  presets: ["original", "causal"],
  seeds: thirty,
  sequences: 500,
  batch: 32,
  stepsPerEpoch: 16,
  steps: 160,
  lr: 1e-3,
  optimizer: "adam",
  task: "patterns",
  init: { scheme: "pytorch", embeddingScale: 1 },
  probe: "trained",
  backend: "wasm",
  relaxed: false,
  workers: 4,
  out: null,
};

test("study persistence without options is the original study's setting with 30 seeds", async () => {
  const { calls, exitCode } = await palimpsest(persistence);
  expect(exitCode).toBe(0);
  expect(calls).toEqual([["persistence", standard]]);
});

test.each([
  [["--seeds", "10"], { seeds: ten }],
  [["--seeds", "1,2,5"], { seeds: [1, 2, 5] }],
  [["--preset", "gpt"], { presets: ["gpt"] }],
  [["--preset", "gpt,causal"], { presets: ["gpt", "causal"] }],
  [["--preset", "gpt", "--preset", "causal"], { presets: ["gpt", "causal"] }],
  [["--epochs", "2"], { steps: 32 }],
  [["--steps", "7", "--epochs", "2"], { steps: 7 }],
  [["--sequences", "33", "--epochs", "1"], { sequences: 33, stepsPerEpoch: 2, steps: 2 }],
  [["--batch", "500"], { batch: 500, stepsPerEpoch: 1, steps: 10 }],
  [["--lr=3e-4"], { lr: 3e-4 }],
  [["--optimizer", "sgd"], { optimizer: "sgd" }],
  [["--task", "random"], { task: "random" }],
  [["--init", "gpt2"], { init: { scheme: "gpt2", embeddingScale: 1 } }],
  [["--init", "orthogonal:0.1"], { init: { scheme: "orthogonal", embeddingScale: 0.1 } }],
  [["--probe", "full"], { probe: "full" }],
  [["--workers", "64"], { workers: 64 }],
  [["--backend", "auto", "--relaxed"], { backend: "auto", relaxed: true }],
  [["--out", "there"], { out: "there" }],
])("study persistence %j changes what it says and nothing else", async (args, change) => {
  const { calls, stderr } = await palimpsest([...persistence, ...args]);
  expect(stderr).toBe("");
  expect(calls).toEqual([["persistence", { ...standard, ...change }]]);
});

test("the number of workers follows the machine, up to 64", async () => {
  const { calls } = await palimpsest(persistence, { io: { cores: 192 } });
  expect(calls[0][1]).toMatchObject({ workers: 64 });
});

const experimentsStandard = {
  subjects: {
    kind: "presets",
    presets: ["original-minigpt", "original", "gpt"],
    seeds: ten,
    init: { scheme: "pytorch", embeddingScale: 1 },
  },
  nulls: 20,
  blocks: 40,
  draws: 199,
  positions: null,
  backend: "wasm",
  workers: 4,
  out: null,
};
const { subjects } = experimentsStandard;

test.each([
  [[], {}],
  [["--preset", "causal"], { subjects: { ...subjects, presets: ["causal"] } }],
  [["--seeds", "2"], { subjects: { ...subjects, seeds: [0, 1] } }],
  [["--seeds", "4,7"], { subjects: { ...subjects, seeds: [4, 7] } }],
  [["--init", "gpt2:2"], { subjects: { ...subjects, init: { scheme: "gpt2", embeddingScale: 2 } } }],
  [
    ["--config", "mine.json", "--seeds", "1"],
    { subjects: { kind: "config", file: "mine.json", seeds: [0], init: subjects.init } },
  ],
  [["--run", "runs/a"], { subjects: { kind: "run", run: "runs/a", preset: null, step: null, seeds: null } }],
  [
    ["--run", "runs/a", "--preset", "causal", "--step", "8", "--seeds", "3,1"],
    { subjects: { kind: "run", run: "runs/a", preset: "causal", step: 8, seeds: [3, 1] } },
  ],
  [["--nulls", "0", "--blocks", "2", "--draws", "19"], { nulls: 0, blocks: 2, draws: 19 }],
  [["--positions", "4", "--workers", "1", "--out", "x"], { positions: 4, workers: 1, out: "x" }],
])("experiments %j is what it says and nothing else", async (args, change) => {
  const { calls, stderr } = await palimpsest(["experiments", ...args]);
  expect(stderr).toBe("");
  expect(calls).toEqual([["experiments", { ...experimentsStandard, ...change }]]);
});

test("study fidelity and bench train receive their options", async () => {
  const fidelity = async (...args: string[]) => (await palimpsest(["study", "fidelity", ...args])).calls;
  expect(await fidelity()).toEqual([["fidelity", { fixtures: [], backend: "wasm", out: null }]]);
  expect(await fidelity("--fixture", "a.json", "--fixture", "b,c.json", "--backend", "reference")).toEqual([
    ["fidelity", { fixtures: ["a.json", "b,c.json"], backend: "reference", out: null }],
  ]);
  const bench = async (...args: string[]) => (await palimpsest(["bench", "train", ...args])).calls;
  const usual = { config: "seed", models: 32, workers: 4, backend: "wasm", relaxed: false, seconds: 10 };
  expect(await bench()).toEqual([["bench", usual]]);
  expect(await bench("--config", "char", "--models", "1", "--seconds", "0.5", "--relaxed")).toEqual([
    ["bench", { ...usual, config: "char", models: 1, seconds: 0.5, relaxed: true }],
  ]);
});

/** Studies whose commands are made from their plans. */
const planned = registeredStudies()
  .map(({ study }) => study.plan.name)
  .filter((name) => name !== "fidelity");

const seedRule = "--seeds: must be a whole number at least 2 or a list such as 1,2,5";
const presetList = "original, original-minigpt, causal, gpt";

test.each([
  ["study persistence --seeds x", `${seedRule}; got "x".`],
  ["study persistence --seeds 1", `${seedRule}; got "1".`],
  ["study persistence --seeds -3", `${seedRule}; got "-3".`],
  ["study persistence --seeds 1,,2", `${seedRule}; got "1,,2".`],
  ["study persistence --seeds 2.5", `${seedRule}; got "2.5".`],
  ["study persistence --seeds=", `${seedRule}; got "".`],
  ["study persistence --seeds 10001", '--seeds: at most 10000 seeds fit one run; got "10001".'],
  ["study persistence --seeds 4,7,4", '--seeds: each seed may be listed once; got "4".'],
  [
    "study persistence --seeds 1,9007199254740993",
    '--seeds: a seed must be below 2^53; got "1,9007199254740993".',
  ],
  [
    "study persistence --preset orignal",
    `--preset: no such name among ${presetList}; got "orignal". Nearest: "original".`,
  ],
  ["study persistence --preset gpt,gpt", '--preset: each may be named once; got "gpt".'],
  ["study persistence --sequences 0", '--sequences: must be a whole number, 1 to 10000000; got "0".'],
  ["study persistence --sequences 1e3", '--sequences: must be a whole number, 1 to 10000000; got "1e3".'],
  ["study persistence --steps NaN", '--steps: must be a whole number, 1 to 100000000; got "NaN".'],
  [
    "study persistence --epochs 100000000",
    "--epochs: must come to at most 100000000 steps; got 100000000 epochs of 16 steps.",
  ],
  ["study persistence --batch 501", "--batch: must be at most the 500 of --sequences; got 501."],
  ["study persistence --lr 0", '--lr: must be a number above 0, such as 0.001 or 1e-3; got "0".'],
  ["study persistence --lr 1e999", '--lr: must be a number above 0, such as 0.001 or 1e-3; got "1e999".'],
  ["study persistence --lr 0x1", '--lr: must be a number above 0, such as 0.001 or 1e-3; got "0x1".'],
  [
    "study persistence --optimizer adm",
    '--optimizer: no such name among adam, adamw, sgd; got "adm". Nearest: "adam".',
  ],
  [
    "study persistence --task pattern",
    `--task: no such name among ${Object.keys(tasks).join(", ")}; got "pattern". Nearest: "patterns".`,
  ],
  [
    "study persistence --init gpt-2",
    '--init: no such name among pytorch, gpt2, xavier-uniform, xavier-normal, he-uniform, he-normal, orthogonal, mup; got "gpt-2". Nearest: "gpt2".',
  ],
  [
    "study persistence --init gpt2:-1",
    '--init, embedding scale: must be a number above 0, such as 0.001 or 1e-3; got "-1".',
  ],
  ["study persistence --workers 65", '--workers: must be a whole number, 1 to 64; got "65".'],
  [
    "study persistence --backend wams",
    '--backend: no such name among wasm, onnx, webgpu, reference, auto; got "wams". Nearest: "wasm".',
  ],
  [
    "study persistence --relaxed --backend reference",
    "--relaxed: only the wasm backend has fused multiply-add; got --backend reference.",
  ],
  [
    "study persistence --relaxed --backend onnx",
    "--relaxed: only the wasm backend has fused multiply-add; got --backend onnx.",
  ],
  ["study persistence --out=", '--out: must be a path; got "".'],
  ["study persistence --seeds", "--seeds: needs a value; got none."],
  [
    "study persistence --sed 5",
    'palimpsest study persistence: no such option; got "--sed". Nearest: "--seeds".',
  ],
  [
    "study persistence --sed=5",
    'palimpsest study persistence: no such option; got "--sed". Nearest: "--seeds".',
  ],
  ["study persistence 30", 'palimpsest study persistence: takes options only; got "30".'],
  ["study persistance", 'palimpsest study: no such command; got "persistance". Nearest: "persistence".'],
  ["studdy", 'palimpsest: no such command; got "studdy". Nearest: "study".'],
  ["study list --quiet", 'palimpsest study list: no such option; got "--quiet". Nearest: "--json".'],
  ["study list x y", 'palimpsest study list: takes options only; got "x", "y".'],
  ["study fidelity --fixture=", '--fixture: must be a path; got "".'],
  [
    "bench train --config smal",
    '--config: no such name among seed, small, char; got "smal". Nearest: "small".',
  ],
  ["experiments --blocks 3", '--blocks: must be even: one half selects, the other tests; got "3".'],
  ["experiments --step 8", "--step: belongs to --run; random networks are at step 0; got 8."],
  ["experiments --seeds all", "--seeds: all belongs to --run; got all."],
  ["experiments --config a.json --preset gpt", "--config: and --preset each name networks; got both."],
  ["experiments --run a --init gpt2", "--init: belongs to random networks; a run has its own; got gpt2."],
  ["experiments --run a --preset gpt,causal", "--preset: names one of the run's presets; got gpt,causal."],
  ["experiments --nuls 3", 'palimpsest experiments: no such option; got "--nuls". Nearest: "--nulls".'],
  ["bench train --models 0", '--models: must be a whole number, 1 to 65536; got "0".'],
  ["bench train --seconds 0", '--seconds: must be a number above 0, such as 0.001 or 1e-3; got "0".'],
  ["bench train --seconds 1e9", '--seconds: must be a whole number, 1 to 86400; got "1e9".'],
  [
    "study",
    `palimpsest study: needs a command: list, persistence, fidelity, ${planned.join(", ")}, all, findings; got none. "palimpsest study --help" explains them.`,
  ],
  [
    "",
    'palimpsest: needs a command: study, experiments, inspect, train, track, sweep, worker, resume, verify, runs, models, bench, studio; got none. "palimpsest --help" explains them.',
  ],
])("palimpsest %s is refused in one sentence with exit code 2", async (line, sentence) => {
  const { exitCode, stdout, stderr, calls } = await palimpsest(line.split(" ").filter((word) => word !== ""));
  expect(stderr).toBe(`${sentence}\n`);
  expect({ exitCode, stdout, calls }).toEqual({ exitCode: 2, stdout: "", calls: [] });
});

test.each([
  [
    ["study", "persistence"],
    [
      "--preset <names>",
      "--seeds <n|list>",
      "--sequences <n>",
      "--epochs <n>",
      "--steps <n>",
      "--batch <n>",
      "--lr <x>",
      "--optimizer <name>",
      "--task <name>",
      "--init <scheme[:scale]>",
      "--out <folder>",
      "--workers <n>",
      "--backend <name>",
      "--relaxed",
      "--json",
      "--quiet",
    ],
  ],
  [
    ["study", "fidelity"],
    ["--fixture <file>", "--backend <name>", "--json", "--quiet"],
  ],
  [["study", "list"], ["--json"]],
  [["study"], ["list", "persistence", "fidelity|S1", "all", "findings"]],
  [
    ["bench", "train"],
    [
      "--config <name>",
      "--models <n>",
      "--seconds <s>",
      "--workers <n>",
      "--backend <name>",
      "--relaxed",
      "--json",
      "--quiet",
    ],
  ],
  [
    ["experiments"],
    [
      "--preset <names>",
      "--config <file>",
      "--run <folder>",
      "--step <s>",
      "--seeds <n|list>",
      "--init <scheme[:scale]>",
      "--nulls <n>",
      "--blocks <n>",
      "--draws <n>",
      "--positions <n>",
      "--out <folder>",
      "--workers <n>",
      "--backend <name>",
      "--json",
      "--quiet",
    ],
  ],
  [["inspect"], ["lens", "heads", "attribution", "patch", "ablate", "units", "circuits"]],
  ...(
    [
      ["lens", "--tokens <list>", "--norm <which>", "--original"],
      ["heads", "--task <name>", "--sequences <n>"],
      ["attribution", "--by <part>", "--answer <token>", "--wrong <token>"],
      ["patch", "--clean <input>", "--corrupt <input>", "--by <axes>", "--sites <names>", "--approximate"],
      ["ablate", "--how <manner>", "--metric <name>", "--top <n>"],
      ["units", "--kind <units>", "--unit <name>", "--token <token>", "--position <p>"],
      ["circuits", "--parts <names>"],
    ] as const
  ).map(([verb, ...own]): [string[], string[]] => [
    ["inspect", "original", verb],
    [
      ...own,
      ...["subject", "--preset <name>", "--step <s>", "--seed <k|list>", "--init <scheme[:scale]>"],
      ...["--draws <n>", "--svg <file>", "--backend <name>", "--json"],
    ],
  ]),
  [["bench"], ["train"]],
  [[], ["study", "experiments", "inspect", "bench", "--version"]],
])("the help of %j lists everything it takes, on stdout", async (command, entries) => {
  const { exitCode, stdout, stderr } = await palimpsest([...command, "--help"]);
  expect([exitCode, stderr]).toEqual([0, ""]);
  for (const entry of [...entries, "-h, --help"]) expect(stdout).toContain(`\n  ${entry} `);
  for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
});

test("the help names the defaults", async () => {
  const stdout = (await palimpsest([...persistence, "--help"])).stdout.replaceAll(/\s+/g, " ");
  for (const value of ["original,causal", "30", "500", "10", "32", "0.001", "adam", "patterns", "pytorch"])
    expect(stdout).toContain(`(default: ${value})`);
});

test("--version prints the version of the package and nothing else", async () => {
  const { stdout, exitCode } = await palimpsest(["--version"]);
  expect([stdout, exitCode]).toEqual([`${packageJson.version}\n`, 0]);
});

test("study list is a table for readers and one object with --json", async () => {
  expect((await palimpsest(["study", "list"])).stdout.split("\n")).toEqual([
    "id  study        seeds  time  question",
    "    persistence     30  60 s  What survives?",
    "S1  fidelity         2   5 s  Same numbers?",
    "",
  ]);
  const { stdout, stderr } = await palimpsest(["study", "list", "--json"]);
  expect(JSON.parse(stdout).studies[0]).toEqual({
    id: null,
    name: "persistence",
    question: "What survives?",
    seeds: 30,
    seconds: 60,
  });
  expect(stderr).toBe("");
});

test("--json prints one object on stdout and nothing else, numbers that are not finite typed; progress is on stderr", async () => {
  const { stdout, stderr } = await palimpsest([...persistence, "--json"], {
    run: async ({ board }) => {
      board.log("begun");
      return { result: { loss: Number.NaN, r: null }, summary: "unseen" };
    },
  });
  expect(JSON.parse(stdout)).toEqual({ loss: { $number: "NaN" }, r: null });
  expect(stderr).toBe('{"event":"log","message":"begun"}\n');
});

test("without --json the summary is printed; --quiet keeps stderr empty; the outcome decides the exit code", async () => {
  const { stdout, stderr, exitCode } = await palimpsest(["study", "fidelity", "--quiet"], {
    run: async ({ board }) => {
      board.log("begun");
      return { result: {}, summary: "Not the same.", exitCode: 1 };
    },
  });
  expect([stdout, stderr, exitCode]).toEqual(["Not the same.\n", "", 1]);
});

test("an error of the user's is one sentence and exit code 2, without control characters", async () => {
  const { stderr, stdout, exitCode } = await palimpsest(persistence, {
    run: async () => {
      throw new FileError({ where: "runs/\u0007\u202e\u001b[31mx", rule: "must be new or empty" });
    },
  });
  expect([stderr, stdout, exitCode]).toEqual(["runs/x: must be new or empty.\n", "", 2]);
});

test.each([
  [new InternalError({ where: "arena", rule: "overlaps" }), "got arena: overlaps."],
  [new TypeError("x is undefined"), "got TypeError: x is undefined."],
  ["a text", "got a text."],
])("a defect says that it is one, in one sentence, with exit code 1", async (thrown, facts) => {
  const { stderr, exitCode } = await palimpsest(persistence, {
    run: async () => {
      throw thrown;
    },
  });
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    `palimpsest: this is a defect of Palimpsest, not of what it was given; ${facts} Set PALIMPSEST_STACK=1 to see where.\n`,
  );
});

test("a defect shows its stack where that was asked for", async () => {
  const { stderr } = await palimpsest(persistence, {
    io: { showStack: true },
    run: async () => {
      throw new TypeError("x");
    },
  });
  expect(stderr).toMatch(/^TypeError: x\n\s+at /);
});

test("a run that a signal stopped ends with the signal's exit code and says so; a full disk and a defect are still told", async () => {
  const controller = new AbortController();
  const stopped = (failure: Error) =>
    palimpsest(persistence, {
      io: { signal: controller.signal },
      run: async ({ signal }) => {
        controller.abort({ by: "SIGINT", exitCode: 130 } satisfies Interruption);
        expect(signal.aborted).toBe(true);
        throw failure;
      },
    });
  expect(await stopped(new Error("worker ended"))).toMatchObject({
    exitCode: 130,
    stderr: "palimpsest: stopped by SIGINT.\n",
  });
  expect(await stopped(new FileError({ where: "runs/x", rule: "the disk is full" }))).toMatchObject({
    exitCode: 130,
    stderr: "runs/x: the disk is full.\npalimpsest: stopped by SIGINT.\n",
  });
  // what fetch says of a connection that is cut
  expect(await stopped(new TypeError("terminated", { cause: controller.signal.reason }))).toMatchObject({
    exitCode: 130,
    stderr: "palimpsest: stopped by SIGINT.\n",
  });
  const defects: [Error, string][] = [
    [new InternalError({ where: "arena", rule: "overlaps" }), "arena: overlaps"],
    [new TypeError("x is undefined"), "TypeError: x is undefined"],
    [new StoppedRun(new RangeError("too long"), "Go on."), "RangeError: too long"],
  ];
  for (const [defect, facts] of defects) {
    const { exitCode, stderr } = await stopped(defect);
    expect(exitCode).toBe(1);
    const end = defect instanceof StoppedRun ? " Go on." : "";
    expect(stderr).toBe(
      `palimpsest: this is a defect of Palimpsest, not of what it was given; got ${facts}. Set PALIMPSEST_STACK=1 to see where.\npalimpsest: stopped by SIGINT.${end}\n`,
    );
  }
});
