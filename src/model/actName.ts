/** TransformerLens' short names of activations, for who knows them by heart. */
import { ArgumentError } from "../base/errors.ts";

const shortNames: Readonly<Record<string, string>> = {
  attn: "pattern",
  attn_logits: "attn_scores",
  key: "k",
  query: "q",
  value: "v",
  mlp_pre: "pre",
  mlp_post: "post",
};
const ofAttention: readonly string[] = [
  "q",
  "k",
  "v",
  "rot_q",
  "rot_k",
  "z",
  "result",
  "pattern",
  "attn_scores",
];
const ofMlp: readonly string[] = ["pre", "pre_linear", "post"];
const ofNorm: readonly string[] = ["scale", "normalized"];
const parts: Readonly<Record<string, string>> = {
  a: "attn",
  attn: "attn",
  attention: "attn",
  m: "mlp",
  mlp: "mlp",
  b: "",
  block: "",
  blocks: "",
};

/**
 * The full name of an activation from its short one. Whether a model has it is decided by `siteNamed`.
 *
 *   getActName("k", 6, "a")              "blocks.6.attn.hook_k"
 *   getActName("pre", 2)                 "blocks.2.mlp.hook_pre"
 *   getActName("embed")                  "hook_embed"
 *   getActName("normalized", 27, "ln2")  "blocks.27.ln2.hook_normalized"
 *   getActName("k6")                     "blocks.6.attn.hook_k"
 *   getActName("scale4ln1")              "blocks.4.ln1.hook_scale"
 *   getActName("pre5")                   "blocks.5.mlp.hook_pre"
 *
 * A full name is returned as it is; `scale` and `normalized` without a layer are those of `ln_final`.
 *
 * @param name   short name, or a short name with layer and part run together
 * @param layer  the block
 * @param part   `a` or `attn`, `m` or `mlp`, `ln1`, `ln2`; needed only where the name does not say it
 * @throws ArgumentError if a layer norm of a block is not named
 * @source TransformerLens, `utils.get_act_name`
 */
export function getActName(name: string, layer?: number, part?: string): string {
  if (layer === undefined && part === undefined) {
    if (name.includes(".") || name.startsWith("hook_")) return name;
    const together = /^([a-z_]+)(\d+)([a-z]\w*)?$/.exec(name);
    if (together !== null) return getActName(together[1], Number(together[2]), together[3] ?? "");
  }
  const full = shortNames[name] ?? name;
  const block = layer === undefined ? "" : `blocks.${layer}.`;
  if (ofNorm.includes(full)) {
    if (layer === undefined) return `ln_final.hook_${full}`;
    if (part !== "ln1" && part !== "ln2")
      throw new ArgumentError({
        where: `activation "${name}" of layer ${layer}`,
        rule: "a block has two layer norms, ln1 and ln2",
        got: part ? JSON.stringify(part) : "neither",
        wayOut: `Write getActName("${name}", ${layer}, "ln1").`,
      });
  }
  if (ofAttention.includes(full)) return `${block}attn.hook_${full}`;
  if (ofMlp.includes(full)) return `${block}mlp.hook_${full}`;
  const inside = part === undefined ? "" : (parts[part] ?? part);
  return `${block}${inside === "" ? "" : `${inside}.`}hook_${full}`;
}
