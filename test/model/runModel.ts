/** One forward pass, on the float64 reference unless another backend is given, with the sites and the gradients that a test asks for. */
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import type { Backend, TensorData } from "../../src/graph/backend.ts";
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
  segments?: readonly (readonly number[])[];
  backend?: Backend;
  /** Also the gradients of the mean loss, in weights and sites. */
  gradients?: boolean;
}

export interface RunResult {
  logits: TensorData;
  sites: Record<string, TensorData>;
  /** Of the first model. */
  loss: number;
  /** Of every model. */
  losses: TensorData;
  lossByPosition: TensorData;
  weightGradients: Record<string, TensorData>;
  siteGradients: Record<string, TensorData>;
}

export async function runModel(
  config: ModelConfig,
  weights: Weights,
  request: RunRequest,
): Promise<RunResult> {
  const { tokens, targets = tokens, at = (_, node) => node, backend = referenceBackend } = request;
  const shape = [tokens.length, tokens[0].length];
  const nodes = weightNodes(config);
  const seen = new Map<string, Node>();
  const targetNode = input("targets", shape, "int32");
  const visit: SiteVisitor = (name, node) => {
    const answer = at(name, node);
    seen.set(name, answer);
    return answer;
  };
  const segments = request.segments === undefined ? undefined : input("segments", shape, "int32");
  const options = { asked: request.asked, segments };
  const logits = forward(config, nodes, input("tokens", shape, "int32"), visit, options);
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
  const session = backend.open({
    models: modelCount(config, weights),
    states: Object.fromEntries(weightShapes(config)),
  });
  for (const [name, values] of Object.entries(weights)) session.write(name, values);
  const results = await session.compile(makeGraph({ outputs })).run({
    tokens: Int32Array.from(tokens.flat()),
    targets: Int32Array.from(targets.flat()),
    ...(request.segments === undefined ? {} : { segments: Int32Array.from(request.segments.flat()) }),
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
    losses: results.loss,
    lossByPosition: results.byPosition,
    weightGradients: under("weight gradient "),
    siteGradients: under("site gradient "),
  };
}
