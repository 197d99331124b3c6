import { expect, test } from "vitest";
import { getActName } from "../../src/model/actName.ts";
import { presets } from "../../src/model/config.ts";
import {
  hook,
  hookPoints,
  resolveSites,
  type SiteName,
  type SiteSelector,
  siteNamed,
  sitesOf,
} from "../../src/model/hookPoints.ts";

test("short names become TransformerLens' full names", () => {
  // the first seven are TransformerLens' own documented examples
  expect(getActName("k", 6, "a")).toBe("blocks.6.attn.hook_k");
  expect(getActName("pre", 2)).toBe("blocks.2.mlp.hook_pre");
  expect(getActName("embed")).toBe("hook_embed");
  expect(getActName("normalized", 27, "ln2")).toBe("blocks.27.ln2.hook_normalized");
  expect(getActName("k6")).toBe("blocks.6.attn.hook_k");
  expect(getActName("scale4ln1")).toBe("blocks.4.ln1.hook_scale");
  expect(getActName("pre5")).toBe("blocks.5.mlp.hook_pre");
  expect(getActName("attn", 1)).toBe("blocks.1.attn.hook_pattern");
  expect(getActName("attn_logits3")).toBe("blocks.3.attn.hook_attn_scores");
  expect(getActName("mlp_post", 0)).toBe("blocks.0.mlp.hook_post");
  expect(getActName("resid_post", 0)).toBe("blocks.0.hook_resid_post");
  expect(getActName("scale")).toBe("ln_final.hook_scale");
  expect(getActName("blocks.0.hook_resid_mid")).toBe("blocks.0.hook_resid_mid");
  expect(() => getActName("scale", 2)).toThrow("a block has two layer norms");
});

test("every row of the table can be named without writing a string", () => {
  const written = Object.values(hook).map((name) => (typeof name === "string" ? name : name(7)));
  expect(written.sort()).toEqual(hookPoints.map((point) => point.name.replace("{l}", "7")).sort());
  expect(() => hook.z(-1)).toThrow("must be a whole number, at least 0; got -1.");
});

test("a pre-LN model fires TransformerLens' GPT-2 sites in its order", () => {
  const names = [...sitesOf({ ...presets.gpt, nLayers: 1 }).values()].filter((site) => !site.gated);
  expect(names.map((site) => site.name)).toEqual([
    "hook_embed",
    "hook_pos_embed",
    "blocks.0.hook_resid_pre",
    "blocks.0.ln1.hook_scale",
    "blocks.0.ln1.hook_normalized",
    "blocks.0.attn.hook_q",
    "blocks.0.attn.hook_k",
    "blocks.0.attn.hook_v",
    "blocks.0.attn.hook_attn_scores",
    "blocks.0.attn.hook_pattern",
    "blocks.0.attn.hook_z",
    "blocks.0.hook_attn_out",
    "blocks.0.hook_resid_mid",
    "blocks.0.ln2.hook_scale",
    "blocks.0.ln2.hook_normalized",
    "blocks.0.mlp.hook_pre",
    "blocks.0.mlp.hook_post",
    "blocks.0.hook_mlp_out",
    "blocks.0.hook_resid_post",
    "ln_final.hook_scale",
    "ln_final.hook_normalized",
    "unembed.hook_out",
  ]);
});

test("selectors are spelt out once each, in firing order", () => {
  const sites = resolveSites(presets.causal, [hook.z("all"), "blocks.0.attn.hook_z", hook.embed]);
  expect(sites.map((site) => site.name)).toEqual([
    "hook_embed",
    "blocks.0.attn.hook_z",
    "blocks.1.attn.hook_z",
  ]);
  expect(sites.map((site) => site.layer)).toEqual([undefined, 0, 1]);
  expect(sites[1].axes).toEqual(["batch", "pos", "head", "dHead"]);
  expect(sites[1].shape(4, 7)).toEqual([4, 7, 2, 8]);
});

test("a selector that ends with a dot stands for all sites whose names begin so", () => {
  const names = (...selectors: SiteSelector[]) =>
    resolveSites(presets.causal, selectors).map((site) => site.name);
  const all = [...sitesOf(presets.causal).keys()];
  for (const prefix of ["blocks.", "blocks.0.", "blocks.1.attn.", "unembed."] as const)
    expect(names(prefix)).toEqual(all.filter((name) => name.startsWith(prefix)));
  expect(names("blocks.*.attn.")).toEqual(all.filter((name) => /^blocks\.\d\.attn\./.test(name)));
  expect(names("blocks.*.mlp.", hook.mlpPost(0))).toEqual([
    "blocks.0.mlp.hook_pre",
    "blocks.0.mlp.hook_post",
    "blocks.1.mlp.hook_pre",
    "blocks.1.mlp.hook_post",
  ]);
  const deep = { ...presets.causal, nLayers: 11 };
  expect(resolveSites(deep, ["blocks.1."]).every((site) => site.layer === 1)).toBe(true);
});

test("a prefix that matches nothing is answered with the nearest one, and a misspelt one does not compile", () => {
  expect(() => resolveSites(presets.causal, ["blocks.4.attn."])).toThrow(
    'hook "blocks.4.attn.": no such site; got a model of 2 layers (0 to 1), projected attention, ' +
      'normalization post. Nearest: "blocks.1.attn.".',
  );
  expect(() => resolveSites(presets.causal, ["ln_final."])).toThrow("no such site");
  expect(() => resolveSites({ ...presets.causal, mlpOnly: true }, ["blocks.*.attn."])).toThrow(
    "no such site",
  );
  // @ts-expect-error no site begins so
  const wrong: SiteSelector = "blocks.0.attention.";
  expect(() => resolveSites(presets.causal, [wrong])).toThrow('Nearest: "blocks.0.attn.".');
});

test("a site that the model has not is answered with the nearest one", () => {
  expect(() => siteNamed(presets.causal, "blocks.4.attn.hook_pattern")).toThrow(
    'hook "blocks.4.attn.hook_pattern": no such site; got a model of 2 layers (0 to 1), projected attention, ' +
      'normalization post. Nearest: "blocks.1.attn.hook_pattern".',
  );
  expect(() => siteNamed(presets.causal, "blocks.0.mlp.hook_pots")).toThrow(
    'Nearest: "blocks.0.mlp.hook_post".',
  );
  expect(() => resolveSites(presets.causal, [hook.lnFinalScale])).toThrow("no such site");
  expect(() => resolveSites({ ...presets.causal, attnOnly: true }, [hook.mlpPost("all")])).toThrow(
    'hook "blocks.*.mlp.hook_post": no such site',
  );
});

test("a misspelt site does not compile", () => {
  const right: SiteName = "blocks.3.attn.hook_pattern";
  // @ts-expect-error the table has no hook_patern
  const wrong: SiteName = "blocks.3.attn.hook_patern";
  expect(right).not.toBe(wrong);
});
