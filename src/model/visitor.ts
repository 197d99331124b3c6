/** How the outside takes part in a forward pass. */
import type { Node } from "../graph/node.ts";
import type { SiteName } from "./hookPoints.ts";

/**
 * Sees every site once, in firing order, and returns what the model goes on with: the node itself to observe, another
 * of its shape to intervene.
 */
export type SiteVisitor = (name: SiteName, node: Node) => Node;

/** What a forward pass computes beyond need, and what it is given beside tokens. */
export interface ForwardOptions {
  /** Sites somebody wants; a gated one (`attn.hook_result`) fires only if it is among them. Others fire anyway. */
  asked?: ReadonlySet<string>;
  /** int32 [batch, pos], each in [0, dSegments): which segment a token belongs to; by default all to segment 0. */
  segments?: Node;
}
