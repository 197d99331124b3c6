/** Findings that a person kept: a sentence with its numbers, a note, and the link that computes it again. */
import { z } from "zod";
import { ArgumentError } from "../../../src/base/errors.ts";

/** Longest texts of a finding, and most findings. */
export const findingLimits = { title: 500, note: 20_000, link: 50_000, findings: 1000 } as const;

const findingSchema = z.strictObject({
  /** The sentence, with its numbers. */
  title: z.string().max(findingLimits.title),
  note: z.string().max(findingLimits.note),
  /** The part of the page's address after `#`. */
  link: z.string().max(findingLimits.link),
  /** When it was kept, ISO 8601. */
  kept: z.iso.datetime(),
});

/** A kept finding. */
export type Finding = z.infer<typeof findingSchema>;

const fileSchema = z.strictObject({
  format: z.literal("palimpsest findings"),
  findings: z.array(findingSchema).max(findingLimits.findings),
});

/**
 * The text of a file of findings.
 *
 * @throws ArgumentError in a sentence if it is none
 */
export function findingsFrom(text: string): Finding[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ArgumentError({ where: "findings", rule: "must be a JSON file", got: text.slice(0, 40) });
  }
  const { data, error } = fileSchema.safeParse(value);
  if (data !== undefined) return data.findings;
  const [{ path, message }] = error.issues;
  throw new ArgumentError({ where: `findings: ${path.join(".") || "the file"}`, rule: message });
}

/** A file of findings; {@link findingsFrom} reads it. */
export function findingsText(findings: readonly Finding[]): string {
  return `${JSON.stringify({ format: "palimpsest findings", findings }, null, 1)}\n`;
}
