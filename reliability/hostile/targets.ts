/** Every kind of file that comes from elsewhere; loaded by name, as a child needs one only. */
import type { Target } from "./target.ts";

export const targets: Readonly<Record<string, () => Promise<Target>>> = {
  safetensors: async () => (await import("./targets/safetensors.ts")).safetensors,
  tokenizer: async () => (await import("./targets/tokenizer.ts")).tokenizer,
  config: async () => (await import("./targets/config.ts")).config,
  shardIndex: async () => (await import("./targets/shardIndex.ts")).shardIndex,
  manifest: async () => (await import("./targets/manifest.ts")).manifest,
  log: async () => (await import("./targets/log.ts")).log,
  packed: async () => (await import("./targets/packed.ts")).packed,
  sweep: async () => (await import("./targets/sweep.ts")).sweep,
  archive: async () => (await import("./targets/archive.ts")).archive,
};
