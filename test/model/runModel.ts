/** One forward pass on the float64 reference, with the sites and the gradients that a test asks for. */
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import type { TensorData } from "../../src/graph/backend.ts";
import { input } from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { lossByPosition, meanLoss } from "../../src/model/loss.ts";
import { forward } from "../../src/model/transformer.ts";
import type { SiteVisitor } from "../../src/model/visitor.ts";
import { modelCount, type Weights, weightNodes, weightShapes } from "../../src/model/weights.ts";

export interface RunRequest {
  tokens: readonly (readonly number[])[];
  targets?: readonly (readonly number[])[];
  at?: SiteVisitor;
  asked?: ReadonlySet<string>;
  /** Also the gradients of the mean loss, in weights and sites. */
  gradients?: boolean;
}

export interface RunResult {
  logits: TensorData;
  sites: Record<string, TensorData>;
  loss: number;
  lossByPosition: TensorData;
  weightGradients: Record<string, TensorData>;
  siteGradients: Record<string, TensorData>;
}

export async function runModel(
  config: ModelConfig,
  weights: Weights,
  request: RunRequest,
): Promise<RunResult> {
  const { tokens, targets = tokens, at = (_, node) => node } = request;
  const shape = [tokens.length, tokens[0].length];
  const nodes = weightNodes(config);
  const seen = new Map<string, Node>();
  const targetNode = input("targets", shape, "int32");
  const visit: SiteVisitor = (name, node) => {
    const answer = at(name, node);
    seen.set(name, answer);
    return answer;
  };
  const logits = forward(config, nodes, input("tokens", shape, "int32"), visit, { asked: request.asked });
  const loss = meanLoss(logits, targetNode);
  const outputs: Record<string, Node> = { logits, loss, byPosition: lossByPosition(logits, targetNode) };
  for (const [name, node] of seen) outputs[`activation ${name}`] = node;
  if (request.gradients) {
    // apart from each other: which gradients are wanted together decides which fused rules apply
    for (const [prefix, wrt] of [
      ["weight gradient ", Object.entries(nodes)],
      ["site gradient ", [...seen]],
    ] as const) {
      const found = gradient(
        loss,
        wrt.map(([, node]) => node),
      );
      wrt.forEach(([name], i) => {
        outputs[`${prefix}${name}`] = found[i];
      });
    }
  }
  const session = referenceBackend.open({
    models: modelCount(config, weights),
    states: Object.fromEntries(weightShapes(config)),
  });
  for (const [name, values] of Object.entries(weights)) session.write(name, values);
  const results = await session.compile(makeGraph({ outputs })).run({
    tokens: Int32Array.from(tokens.flat()),
    targets: Int32Array.from(targets.flat()),
  });
  session.close();
  const under = (prefix: string) =>
    Object.fromEntries(
      Object.entries(results)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, values]) => [name.slice(prefix.length), values]),
    );
  return {
    logits: results.logits,
    sites: under("activation "),
    loss: results.loss[0],
    lossByPosition: results.byPosition,
    weightGradients: under("weight gradient "),
    siteGradients: under("site gradient "),
  };
}
