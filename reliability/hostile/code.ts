import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Check } from "../check.ts";
import { type Patch, startCommand, withProgram } from "../crash/commandLine.ts";
import { watching } from "../fileCalls.ts";
import { foreignRuns, ranFile } from "./foreignRuns.ts";

/** A pickle that would call `os.system` when it is read, as any pickle may. */
const pickle = Buffer.from(
  "\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
  "latin1",
);
const archive = Buffer.concat([
  Buffer.from("PK\x03\x04\x14\x00\x00\x00", "latin1"),
  pickle,
  Buffer.alloc(60),
]);
/** A template that would never end. */
const template = "{% for i in range(10**12) %}{{ ''.__class__.__mro__[1].__subclasses__() }}{% endfor %}";

/** A folder like a good one but for some of its files. */
interface Case {
  readonly name: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Fields of config.json; `undefined` takes one out. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly without?: readonly string[];
  /** Why it is refused; null where the model is read and the file left alone. */
  readonly says: RegExp | null;
}

const code = /wants code from its own repository to be run, and no file is ever run here/;
const neverRead = /never read, because reading one can execute code/;

const cases: readonly Case[] = [
  { name: "as it is", says: null },
  { name: "auto_map", config: { auto_map: { AutoModel: "modeling_evil.Evil" } }, says: code },
  { name: "trust_remote_code", config: { trust_remote_code: true }, says: code },
  {
    name: "auto_map of another type",
    config: { model_type: "evil", auto_map: { AutoConfig: "evil.Evil" } },
    says: code,
  },
  {
    name: "quantized",
    config: { quantization_config: { quant_method: "evil" } },
    says: /quantised weights are not read/,
  },
  { name: "pickle", files: { "pytorch_model.bin": pickle }, without: ["model.safetensors"], says: neverRead },
  { name: "pickle beside", files: { "training_args.pt": pickle }, says: neverRead },
  { name: "checkpoint", files: { "last.ckpt": archive }, says: neverRead },
  {
    name: "pickle as safetensors",
    files: { "model.safetensors": pickle },
    says: /must be a safetensors file; got a Python pickle/,
  },
  {
    name: "torch as safetensors",
    files: { "model.safetensors": archive },
    says: /must be a safetensors file; got a ZIP archive/,
  },
  {
    name: "pickle as json",
    files: { "tokenizer.json": pickle },
    says: /tokenizer\.json: must be JSON; got a Python pickle/,
  },
  {
    name: "python beside",
    files: { "modeling_evil.py": "import os; os.system('true')", "setup.py": "1" },
    says: null,
  },
  {
    name: "template",
    files: {
      "tokenizer_config.json": JSON.stringify({
        chat_template: template,
        auto_map: { AutoTokenizer: "evil.Evil" },
      }),
    },
    says: null,
  },
  {
    name: "template file",
    files: {
      "chat_template.jinja": template,
      "chat_template.json": JSON.stringify({ chat_template: template }),
    },
    says: null,
  },
];

const model = "test/fixtures/pretrained/models/gpt2";
const tokenizer = JSON.stringify({ model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"] } });

function prepare(cwd: string): void {
  const own = JSON.parse(readFileSync(join(model, "config.json"), "utf8"));
  for (const { name, files = {}, config = {}, without = [] } of cases) {
    const folder = join(cwd, name);
    mkdirSync(folder);
    cpSync(model, folder, { recursive: true });
    writeFileSync(join(folder, "tokenizer.json"), tokenizer);
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...own, ...config }));
    for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
    for (const file of without) rmSync(join(folder, file));
  }
}

/** The command line without a rule, for the test of the test. */
const weakenings: Readonly<Record<string, Patch>> = {
  "code-fields": { find: /fields\.without\("auto_map", \w+\);/, replace: "" },
  pickles: {
    find: /const refusePickle = async \(path, name\) => \{/,
    replace: `$& (await import("node:child_process")).execFileSync("true"); return [];`,
  },
};

/** Programs that a lock is taken with. */
const lockers = ["flock", "perl"];

/** C6: nothing that lies in a model's folder, or in a run's, is run. */
export const noCode: Check = {
  id: "C6",
  promise:
    "No code out of a model's or a run's files is run: pickles, modules and remote code are refused with the reason, templates are never evaluated, and going on with a run runs no program of its folder.",
  weakenings: Object.keys(weakenings),
  async run(_, { without }) {
    const patches = without === undefined ? [] : [weakenings[without]];
    return withProgram(patches, {}, async (build, cwd) => {
      prepare(cwd);
      const watched = watching(cwd);
      const failures: string[] = [];
      let [refused, read] = [0, 0];
      const run = async (...args: string[]) => {
        // no text becomes code in this process, whoever asks for it
        const nodeOptions = ["--disallow-code-generation-from-strings", ...watched.nodeOptions].join(" ");
        const env = { ...watched.env, NODE_OPTIONS: nodeOptions };
        const ended = await startCommand(args, { cwd, env, build, under: watched.under }).ended;
        const started = watched
          .calls()
          .filter(({ call }) => call === "execve")
          .slice(1)
          .filter(({ path }) => !lockers.includes(basename(path)));
        for (const { path } of started)
          failures.push(`${args.slice(0, 2).join(" ")} started ${basename(path)}`);
        return ended;
      };
      const { stdout } = await run("models", "check", "--json", ...cases.map(({ name }) => name));
      const lines = stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
      for (const { name, says } of cases) {
        const told = lines.filter(({ file }) => file.startsWith(`${name}/`));
        const reasons = told.flatMap(({ reason }) => reason ?? []);
        if (told.length === 0) failures.push(`${name}: was not looked at`);
        else if (says === null && reasons.length > 0) failures.push(`${name}: was refused: ${reasons[0]}`);
        else if (says !== null && !reasons.some((reason) => says.test(reason)))
          failures.push(`${name}: was not refused for its code, but ${reasons[0] ?? "taken"}`);
        if (says === null) read++;
        else refused++;
      }
      // what is read must also run, and a template change nothing
      const outputs: string[] = [];
      for (const name of ["as it is", "template"]) {
        const {
          stdout: printed,
          stderr,
          code: exit,
        } = await run("models", "run", name, "--text", "abab", "--json");
        if (exit !== 0) failures.push(`${name}: could not be run: ${stderr.slice(-300)}`);
        outputs.push(printed.replaceAll(name, ""));
      }
      if (outputs[0] !== outputs[1]) failures.push("a template changed what the model says");
      // a run from elsewhere is looked at and gone on with, and its command names a program that lies in it
      const commands = without === undefined ? foreignRuns(cwd) : [];
      for (const command of commands) {
        await run(...command, "--quiet");
        if (!existsSync(join(cwd, ranFile))) continue;
        failures.push(`palimpsest ${command.join(" ")} ran a program out of the run`);
        rmSync(join(cwd, ranFile));
      }
      return {
        figure: `${refused} folders with code refused for it, ${read} read without it, and ${commands.length} commands on runs from elsewhere; ${failures.length} programs started or texts compiled`,
        count: cases.length + commands.length,
        coverage: { refused, read, runs: commands.length, [watched.by]: 1 },
        failures,
      };
    });
  },
};
