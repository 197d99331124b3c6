/**
 * A disk that fails under a real program: `node --import …/faultyDisk.mjs PROGRAM`, with a plan in the variable
 * FAULTY_DISK, which is JSON (see faultPlan.ts). It stands between the program and `node:fs`, so that nothing in the
 * program knows of it.
 *
 * Calls under the plan's folder are numbered from 1, in the main thread only: whoever writes the files is there. At call
 * `at` of the kinds `kinds` the process is killed, or the call fails, or writes only half. Workers' calls are traced.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { constants } from "node:os";
import { relative, resolve, sep } from "node:path";
import { getSystemErrorMap } from "node:util";
import { isMainThread, threadId } from "node:worker_threads";

const plan = JSON.parse(process.env.FAULTY_DISK ?? "{}");
const { under = "/", trace, at = 0, deed, kinds, lasting = false, unflushed = false, slowness = 0 } = plan;

const real = { ...fs };

/** What each call of `node:fs` does, with the places of its paths; a negative place is a file that is open. */
const calls = {
  openSync: ["open", 0],
  writeSync: ["write", -1],
  writevSync: ["write", -1],
  ftruncateSync: ["truncate", -1],
  truncateSync: ["truncate", 0],
  fsyncSync: ["fsync", -1],
  fdatasyncSync: ["fsync", -1],
  closeSync: ["close", -1],
  renameSync: ["rename", 0, 1],
  linkSync: ["link", 0, 1],
  symlinkSync: ["link", 1],
  unlinkSync: ["unlink", 0],
  rmSync: ["unlink", 0],
  rmdirSync: ["unlink", 0],
  mkdirSync: ["mkdir", 0],
  writeFileSync: ["write file", 0],
  appendFileSync: ["write file", 0],
  copyFileSync: ["write file", 0, 1],
  readSync: ["read", -1],
  readFileSync: ["read", 0],
  readdirSync: ["list", 0],
  opendirSync: ["list", 0],
  statSync: ["stat", 0],
  lstatSync: ["stat", 0],
  fstatSync: ["stat", -1],
  existsSync: ["stat", 0],
  accessSync: ["stat", 0],
  realpathSync: ["stat", 0],
};

/** Files that are open under the folder. */
const opened = new Map();
let count = 0;
let failing = false;
const traceFile = trace === undefined ? null : real.openSync(trace, "a");

/** A path as the folder sees it; null for one outside. */
function inside(path) {
  if (path instanceof URL) path = path.pathname;
  if (typeof path !== "string" && !Buffer.isBuffer(path)) return null;
  const from = relative(under, resolve(String(path)));
  return from === ".." || from.startsWith(`..${sep}`) ? null : from || ".";
}

/** A call that opens a file to read it changes nothing. */
function kindOf(kind, args) {
  if (kind !== "open") return kind;
  const flags = args[1] ?? "r";
  const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;
  const writes =
    typeof flags === "string" ? /[wa+]/.test(flags) : (flags & (O_WRONLY | O_RDWR | O_CREAT)) !== 0;
  return writes ? "open" : "open to read";
}

/** The error that Node makes of what the system says. */
function systemError(code, name, path) {
  const errno = -constants.errno[code];
  const meaning = getSystemErrorMap().get(errno)?.[1] ?? code;
  const syscall = name.replace(/Sync$/, "");
  const place = path === undefined ? "" : ` '${path}'`;
  return Object.assign(new Error(`${code}: ${meaning}, ${syscall}${place}`), {
    ...{ errno, code, syscall },
    ...(path === undefined ? {} : { path }),
  });
}

function die() {
  process.kill(process.pid, "SIGKILL");
  for (;;); // the signal is on its way: nothing more may happen
}

function tell(line) {
  if (traceFile !== null) real.writeSync(traceFile, `${JSON.stringify(line)}\n`);
}

/** Half of what was to be written, as a disk does that is nearly full. */
function writeHalf(args) {
  const [file, data, ...rest] = args;
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const [offset, length] =
    typeof rest[0] === "object" && rest[0] !== null ? [rest[0].offset, rest[0].length] : rest;
  const from = typeof data === "string" ? 0 : (offset ?? 0);
  const all = typeof data === "string" ? bytes.length : (length ?? bytes.byteLength - from);
  return real.writeSync(file, bytes, from, Math.max(1, all >> 1));
}

for (const [name, [kind, ...places]] of Object.entries(calls)) {
  fs[name] = (...args) => {
    const perform = () => (unflushed && kind === "fsync" ? undefined : real[name].apply(fs, args));
    const shown = places.map((place) => (place < 0 ? opened.get(args[0]) : inside(args[place])));
    const path = shown.find((each) => each !== null && each !== undefined);
    if (path === undefined) return perform();
    const done = kindOf(kind, args);
    const counts = isMainThread && (kinds === undefined || kinds.includes(done));
    const n = counts ? ++count : 0;
    tell({ n, kind: done, path: shown.join(" "), pid: process.pid, thread: threadId });
    const now = n === at && n > 0;
    if (now || (failing && counts)) {
      if (deed === "kill before") die();
      if (deed === "short" && kind === "write") return writeHalf(args);
      if (deed !== "kill after" && deed !== "short") {
        if (now) tell({ n: 0, kind: "refused", time: Date.now() });
        failing = lasting;
        if (done === "write" && now) writeHalf(args); // what fitted is there
        if (done === "close") real.closeSync(args[0]); // it is closed, whatever it says
        throw systemError(deed, name, typeof args[0] === "number" ? undefined : String(args[0]));
      }
    }
    const begun = performance.now();
    if (kind === "fsync" && slowness > 0)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, slowness);
    const answer = perform();
    if (kind === "fsync") tell({ n: 0, kind: "flushed", ms: performance.now() - begun, thread: threadId });
    if (kind === "open") opened.set(answer, path);
    if (kind === "close") opened.delete(args[0]);
    if (now && deed === "kill after") die();
    return answer;
  };
}
// some have parts of their own, as realpathSync.native
for (const name of Object.keys(calls)) Object.assign(fs[name], real[name]);
syncBuiltinESMExports();
