import { canonicalJson, type JsonValue } from "../../../src/record/canonicalJson.ts";
import { manifestBytes, readManifest } from "../../../src/record/manifest.ts";
import { sha256OfBytes } from "../../../src/record/sha256.ts";
import { pick } from "../../../test/record/mutants.ts";
import { jsonFileMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const version2 = decoder.decode(
  manifestBytes({
    study: "persistence",
    status: "complete",
    command: ["study", "persistence", "--seeds", "2", "--lr", "0.001"],
    config: { preset: "original", seeds: [0, 1], lr: 0.001, init: { scheme: "gpt2" }, bound: Number.NaN },
    versions: { palimpsest: "0.1.0", node: "20.20.2" },
    engine: "a".repeat(64),
    files: [
      { path: "checkpoints/original-step-000000.safetensors", bytes: 5000, sha256: "0".repeat(64) },
      { path: "report.html", bytes: 12, sha256: "f".repeat(64) },
    ],
  }),
);

const version1 = `${canonicalJson(
  {
    ...{ format: "palimpsest run", formatVersion: 1, study: "train", status: "interrupted", engine: null },
    ...{ config: { seed: 1 }, versions: { palimpsest: "0.0.9" }, files: [] },
  },
  { indent: 2 },
)}\n`;

const own = [
  '"running"',
  '"complete"',
  '"interrupted"',
  '"failed"',
  "1",
  "2",
  "3",
  '"a/b.c"',
  '"a//b"',
  '"A/B.c"',
];

/** The manifest as somebody would write it who knows how: canonical, with the hash of what it says. */
function signed(text: string): string {
  try {
    const { sha256: _, ...fields } = JSON.parse(text) as Record<string, JsonValue>;
    if (fields.formatVersion === 1) return text;
    const bytes = encoder.encode(`${canonicalJson(fields, { indent: 2 })}\n`);
    return `${canonicalJson({ ...fields, sha256: sha256OfBytes(bytes) }, { indent: 2 })}\n`;
  } catch {
    return text; // no JSON, or what has no canonical form
  }
}

/** A run's manifest; two in three of those that are changed as JSON are signed again. */
export const manifest: Target = {
  kind: "manifest",
  mutant(stream) {
    const text = pick([version2, version2, version1], stream);
    const mended = stream.integer(3) > 0 ? signed : undefined;
    return jsonFileMutant(text, stream, { own, mended });
  },
  accept(bytes) {
    const read = readManifest(bytes, "run/manifest.json");
    const { format, formatVersion, sha256, ...parts } = read;
    const again = readManifest(manifestBytes(parts), "again");
    const essence = ({ formatVersion: _, sha256: __, files, ...rest }: typeof read) =>
      canonicalJson({ ...rest, files: [...files].sort((a, b) => (a.path < b.path ? -1 : 1)) });
    return difference("a manifest", essence(read), essence(again));
  },
};
