/** Folders whose locks are somebody else's promise. */
import { type StatsFs, statfsSync } from "node:fs";

/** Kinds of file system by their number in statfs(2). @source linux/magic.h; fs/smb/client/cifsfs.h */
const remoteKinds: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "SMB"],
  [0xfe534d42, "SMB"],
  [0x01021997, "9P"],
  [0x5346414f, "AFS"],
  [0x65735546, "FUSE"],
]);

/**
 * A warning for a run folder on a file system that other machines may write to, of which not all lock for all machines;
 * undefined for any other, and where the system does not say.
 */
export function remoteWarning(
  path: string,
  shown: string,
  statfs: (path: string) => Pick<StatsFs, "type"> = statfsSync,
): string | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const kind = remoteKinds.get(statfs(path).type >>> 0);
    if (kind === undefined) return undefined;
    return `${shown}: is on ${kind}, which may lock it for this machine only; let one machine at a time work on a run.`;
  } catch {
    return undefined;
  }
}
