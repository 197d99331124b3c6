/** What an error says to a person: one sentence, as every error of Palimpsest has. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
