/** Preloaded where there is no strace: writes every name that `node:fs` is given to the file that FILE_LOG names. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const { writeSync, openSync } = fs;
const log = openSync(process.env.FILE_LOG, "a");
const names = [
  ...[
    "open",
    "readFile",
    "writeFile",
    "appendFile",
    "stat",
    "lstat",
    "statfs",
    "access",
    "exists",
    "readdir",
    "mkdir",
  ],
  ...[
    "rename",
    "unlink",
    "rm",
    "rmdir",
    "link",
    "symlink",
    "readlink",
    "realpath",
    "truncate",
    "chmod",
    "cp",
    "copyFile",
  ],
  ...["utimes", "lutimes", "chown", "opendir", "mkdtemp", "createReadStream", "createWriteStream"],
];
/** Calls whose second argument is a name too. */
const pairs = new Set(["rename", "link", "symlink", "cp", "copyFile"]);
const pathOf = (value) => {
  if (value instanceof URL) return fileURLToPath(value);
  if (typeof value === "string") return resolve(value);
  return Buffer.isBuffer(value) ? resolve(value.toString()) : null;
};

for (const owner of [fs, fs.promises])
  for (const name of names.flatMap((each) => [each, `${each}Sync`])) {
    const original = owner[name];
    if (typeof original !== "function") continue;
    const watched = function (...given) {
      const plain = name.replace(/Sync$/, "");
      const named = given.slice(0, pairs.has(plain) ? 2 : 1);
      // what a link holds is told from where it lies
      if (plain === "symlink") named[0] = resolve(dirname(String(given[1])), String(given[0]));
      for (const path of named.map(pathOf))
        if (path !== null) writeSync(log, `${JSON.stringify({ call: plain, path })}\n`);
      return original.apply(this, given);
    };
    owner[name] = Object.assign(watched, original);
  }
syncBuiltinESMExports();
