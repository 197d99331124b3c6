/** Direct logit attribution: what every head and MLP adds to a token's logit at a position. */
import { directLogitAttribution, type Network } from "../../../../src/interp/index.ts";

/** What is asked. */
export interface AttributionRequest {
  readonly tokens: readonly number[];
  readonly position: number;
  /** Token whose logit is taken apart. */
  readonly answer: number;
  /** Its logit is subtracted; null for none. */
  readonly other: number | null;
}

/** What is seen. */
export interface AttributionSeen {
  readonly components: readonly string[];
  /** [model][component] */
  readonly logits: readonly (readonly number[])[];
}

export async function attribution(
  network: Network,
  { tokens, position, answer, other }: AttributionRequest,
): Promise<AttributionSeen> {
  const { components, logits } = await directLogitAttribution(network, [tokens], {
    heads: !network.config.mlpOnly,
    token: answer,
    ...(other === null ? {} : { other }),
  });
  const at = (model: number, component: number) =>
    logits.data[(model * components.length + component) * tokens.length + position];
  return {
    components,
    logits: Array.from({ length: network.models }, (_, model) =>
      components.map((_, component) => at(model, component)),
    ),
  };
}
