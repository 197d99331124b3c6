/**
 * Locks that the kernel keeps: of all processes that ask one gets it, and it is free the moment that process has ended,
 * however it ended. None of them looks at clocks or at process numbers.
 */
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { FileError } from "../../base/errors.ts";

/** What came of asking: held until `free` is called, by somebody else already, or there is no such lock here. */
export type Asked = { readonly free: () => void } | "taken" | "unavailable";

/** What a lock is asked for. */
export interface LockedFile {
  /** Descriptor of the open file. */
  readonly file: number;
  /** What tells the file from all others of the machine, whatever it is called. */
  readonly identity: string;
  /** Its name, for messages. */
  readonly shown: string;
}

/** One kind of lock. */
export type KernelLock = (asked: LockedFile) => Asked;

/** Exit code of a helper that says: somebody has it. Both helpers are told to use it. */
const TAKEN = 1;

/**
 * flock(2) through a helper program. The lock belongs to the open file and not to the program, which gets the same open
 * file as its descriptor 3 and ends: it stays until this process closes the file, or ends.
 */
function flockBy(program: string, words: readonly string[]): KernelLock {
  return ({ file, shown }) => {
    const { error, status, stderr } = spawnSync(program, words, {
      stdio: ["ignore", "ignore", "pipe", file],
    });
    if (status === 0) return { free: () => {} };
    if (status === TAKEN) return "taken";
    if (error !== undefined && "code" in error && error.code === "ENOENT") return "unavailable";
    const said = error?.message ?? String(stderr).trim().split("\n")[0];
    throw new FileError({
      where: shown,
      rule: "cannot be locked",
      got: said || `${program} ending with ${status}`,
      wayOut: "Choose a folder on a file system that has locks.",
    });
  };
}

const perlScript = `use Fcntl ":flock"; use Errno "EWOULDBLOCK";
open(my $file, "+<&=", 3) or die "$!\\n";
exit 0 if flock($file, LOCK_EX | LOCK_NB);
exit ${TAKEN} if $! == EWOULDBLOCK;
die "$!\\n";`;

/**
 * A socket of which there can be one of a name: abstract on Linux, in the network namespace; a named pipe on Windows.
 * Nobody ever connects to it.
 */
function socketAt(path: (name: string) => string): KernelLock {
  const bound = (name: string) => {
    const server = createServer((connection) => connection.destroy());
    server.on("error", () => {}); // why comes too late to be asked
    // a name is bound, or refused, before this returns
    server.listen(path(name));
    return server.listening ? server.unref() : null;
  };
  return ({ identity }) => {
    const server = bound(createHash("sha256").update(identity).digest("hex").slice(0, 32));
    if (server !== null) return { free: () => void server.close() };
    const other = bound(randomBytes(16).toString("hex"));
    if (other === null) return "unavailable";
    other.close();
    return "taken";
  };
}

/** The kinds of lock by name. */
export const kernelLocks = {
  flock: flockBy("flock", ["-n", "3"]),
  perl: flockBy("perl", ["-e", perlScript]),
  socket: socketAt((name) => `\0palimpsest-${name}`),
  pipe: socketAt((name) => `\\\\?\\pipe\\palimpsest-${name}`),
} satisfies Record<string, KernelLock>;

/** Name of a kind of lock. */
export type KernelLockName = keyof typeof kernelLocks;
