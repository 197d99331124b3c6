/** Reading a sweep file: YAML and JSON are data; a TypeScript or JavaScript file is a program, and is run. */
import { extname, resolve } from "node:path";
import { Lexer, LineCounter, Parser, parseDocument } from "yaml";
import { FileError, UserError } from "../../base/errors.ts";
import { type JsonValue, parseJson, readableJson } from "../../record/canonicalJson.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import { readInput } from "../readInput.ts";

/** Largest file. */
const byteLimit = 2 ** 20;
/** Largest YAML: the time that its reader takes for a list of keys grows with their square, 0.5 s for this much. */
const yamlLimit = 2 ** 16;
/** Most uses of YAML's aliases: a sweep needs none. */
const aliasLimit = 100;
/** Deepest nesting: a sweep needs five. */
const depthLimit = 32;

const programs = [".ts", ".mts", ".js", ".mjs"];

/** Ends of the names of files that are understood. */
export const sweepFileEnds: readonly string[] = [".yaml", ".yml", ".json", ...programs];

/**
 * The value that a sweep file holds: plain data, not yet checked.
 *
 * @param path   as the user gave it, relative to `cwd` or absolute
 * @param named  whether the user named the file: only then is a program run, for a manifest that names one may be anybody's
 * @throws FileError  one sentence: the file cannot be read, is of no known kind, too large, no YAML or JSON (with the line
 *                    or the byte), has one key twice, or is a program that fails or gives no plain data
 */
export async function readSweepFile(path: string, cwd: string, named = true): Promise<JsonValue> {
  const end = extname(path).toLowerCase();
  if (!sweepFileEnds.includes(end))
    throw new FileError({
      where: path,
      rule: `a sweep file's name ends in ${sweepFileEnds.join(", ")}`,
      got: end === "" ? "none of them" : JSON.stringify(end),
    });
  if (programs.includes(end) && !named)
    throw new FileError({
      where: path,
      rule: "is a program, which is run only where it is named on the command line",
      wayOut: `Give "palimpsest sweep ${path}" again: what is done is found in the store.`,
    });
  const bytes = readInput(path, { cwd, byteLimit });
  if (programs.includes(end)) return plainData(await programValue(path, cwd), path);
  const text = strictUtf8(bytes, path);
  if (end === ".json") return parseJson(text, { file: path, maxDepth: depthLimit });
  return yamlValue(text, path);
}

/**
 * The value of a YAML text.
 *
 * Size, depth and aliases are bounded, equal keys and unknown tags refused; the core schema makes strings, numbers,
 * booleans, null, lists and objects, and nothing else.
 *
 * @param file  its name, for messages
 * @throws FileError with the line and the column
 */
export function yamlValue(text: string, file: string): JsonValue {
  const refuse = (where: string, got: string, rule = "must be YAML"): never => {
    throw new FileError({ where, rule, got: got.split("\n")[0].replace(/\.$/, "") });
  };
  if (text.length > yamlLimit)
    refuse(file, `${text.length}`, `a YAML file may be ${yamlLimit} characters long`);
  const lines = new LineCounter();
  lines.addNewLine(0);
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  // the reader calls itself for everything inside; its first stage does not, and is asked how deep that goes
  const parser = new Parser(lines.addNewLine);
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    // every level of the text is an entry for its collection and may be another for what stands in it
    if (parser.stack.length > 2 * depthLimit)
      refuse(at(parser.offset), "more", `may be nested ${depthLimit} deep`);
  }
  let value: unknown;
  try {
    const document = parseDocument(text, {
      ...{ schema: "core", uniqueKeys: true, prettyErrors: false, logLevel: "error" },
    });
    const [issue] = [...document.errors, ...document.warnings];
    if (issue !== undefined) refuse(at(issue.pos[0]), issue.message);
    value = document.toJS({ maxAliasCount: aliasLimit });
  } catch (error) {
    if (error instanceof UserError) throw error;
    refuse(file, error instanceof Error ? error.message : String(error));
  }
  return plainData(value, file);
}

/**
 * What a program gives as its default export: a sweep, or a function that makes one.
 *
 * TypeScript's types are taken out by jiti, because Node 20 does not do that itself.
 */
async function programValue(path: string, cwd: string): Promise<unknown> {
  const absolute = resolve(cwd, path);
  const { createJiti } = await import("jiti");
  // nothing is left on the disk
  const jiti = createJiti(absolute, { fsCache: false, moduleCache: false });
  try {
    const exported = await jiti.import(absolute, { default: true });
    return typeof exported === "function" ? await exported() : exported;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new FileError({
      where: path,
      rule: "cannot be run",
      got: message.split("\n")[0].replace(/\.$/, ""),
    });
  }
}

/** The same value as JSON would hold it. */
function plainData(value: unknown, file: string): JsonValue {
  try {
    return parseJson(readableJson(value, { indent: 0 }), { file, maxDepth: depthLimit });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error instanceof FileError) throw error;
    throw new FileError({ where: file, rule: "must hold plain data", got: error.message.replace(/\.$/, "") });
  }
}
