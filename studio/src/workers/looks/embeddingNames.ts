/** Weights that are embeddings, with what their rows are. */
export const embeddingNames: Readonly<Record<string, string>> = {
  "embed.W_E": "token embeddings",
  "pos_embed.W_pos": "position embeddings",
};
