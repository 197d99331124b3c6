/** Fields of config.json that a family does not read: which of them change nothing, and which it may not have. */
import type { JsonFields } from "./jsonFields.ts";

/**
 * Options that change the numbers of other architectures, and with which value they change nothing; null and false
 * never do.
 */
const foreign: Readonly<Record<string, number | null>> = {
  ...{ is_encoder_decoder: null, add_cross_attention: null, tie_encoder_decoder: null },
  ...{ sliding_window: null, use_sliding_window: null, layer_types: null, attention_chunk_size: null },
  ...{ num_key_value_heads: null, multi_query: null, word_embed_proj_dim: null },
  ...{
    rope_parameters: null,
    rope_scaling: null,
    rope_interleave: null,
    use_mrope: null,
    no_rope_layers: null,
  },
  ...{ alibi: null, use_alibi: null, position_biased_input: null, relative_attention: null },
  ...{ qk_norm: null, use_qk_norm: null, qk_layernorm: null, clip_qkv: null, attn_temperature_tuning: null },
  ...{ attn_logit_softcapping: null, final_logit_softcapping: null, query_pre_attn_scalar: null },
  ...{ attention_multiplier: null, embedding_multiplier: 1, residual_multiplier: 1, logits_scaling: 1 },
  ...{ logit_scale: 1, scale_emb: 1, scale_depth: null, scale_embedding: null },
  ...{ num_experts: 0, num_local_experts: 0, n_routed_experts: 0 },
};

/** Names of fields that only matter to training, generation, classification, speed or bookkeeping. */
const harmless: ReadonlySet<string> = new Set(
  `model_type architectures name_or_path base_model torch_dtype dtype torchscript use_bfloat16 attn_implementation
  use_cache cache_implementation use_return_dict return_dict gradient_checkpointing pretraining_tp n_ctx
  chunk_size_feed_forward use_flash_attn use_flash_attention_2 reorder_and_upcast_attn tf_legacy_loss
  is_llama_config id2label label2id num_labels problem_type finetuning_task task_specific_params prefix tokenizer_class directionality
  initializer_range initializer_factor dropout attention_probs_dropout_prob model_max_length max_window_layers
  is_decoder cross_attention_hidden_size max_length min_length do_sample early_stopping num_beams num_beam_groups
  num_return_sequences diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty
  no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids suppress_tokens begin_suppress_tokens
  exponential_decay_length_penalty remove_invalid_values return_dict_in_generate`.split(/\s+/),
);
const harmlessStart = /^(_|summary_|output_|pooler_|forced_|transformers[._]|unsloth_)/;
const harmlessEnd = /(_token_id|_token_ids|_pdrop|_dropout|_dropout_prob|_version)$/;

/**
 * Looks at what a family has not read of its config.json.
 *
 * @param fields  after the family has read them
 * @returns       fields that nobody here knows: transformers does not read them for the family either
 * @throws FileError for one that would change what the model computes
 */
export function checkOtherFields(fields: JsonFields): readonly string[] {
  return fields.unread().filter((name) => {
    if (harmless.has(name) || harmlessStart.test(name) || harmlessEnd.test(name)) return false;
    const why = "the family computes without it";
    if (name === "pruned_heads") {
      if (fields.object(name)?.unread().length !== 0)
        fields.fail(name, "every layer must have all its heads");
      return false;
    }
    if (!Object.hasOwn(foreign, name)) return true;
    const neutral = foreign[name];
    if (neutral === null) fields.without(name, `is not supported, ${why}`);
    else fields.only(name, neutral, why);
    return false;
  });
}
