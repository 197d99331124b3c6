/** Ops on whole rows for which ONNX has an operator. The others are written by their definitions. */
import { aligned, reshaped, sizesOf, type Writer } from "./emitter.ts";
import { upright } from "./indexWriters.ts";
import { withModels } from "./shapeWriters.ts";

type FusedOp = "softmax" | "normalize" | "crossEntropy";

/** Writers of the ops on whole rows. */
export const fusedWriters: { [P in FusedOp]: Writer<P> } = {
  softmax: (_, [x], emitter) => emitter.call("Softmax", [x.name], { axis: sizesOf(x, emitter).length - 1 }),

  normalize: (_, operands, emitter) => {
    const [x, scale] = aligned(operands, emitter);
    const axis = sizesOf(operands[0], emitter).length - 1;
    const mean = emitter.call("ReduceMean", [x, emitter.list([axis])], { keepdims: 1 });
    return emitter.call("Div", [emitter.call("Sub", [x, mean]), scale]);
  },

  crossEntropy: (_, operands, emitter) => {
    const hasModels = operands.some((operand) => operand.hasModels);
    const [logits, targets] = hasModels ? operands.map((operand) => withModels(operand, emitter)) : operands;
    const axis = sizesOf(logits, emitter).length - 1;
    const logProbabilities = emitter.call("LogSoftmax", [logits.name], { axis });
    const picked = emitter.call("GatherElements", [logProbabilities, upright(targets, emitter)], { axis });
    const column = { ...targets, name: picked, shape: [...targets.shape, 1] };
    return emitter.call("Neg", [reshaped(column, targets.shape, emitter)]);
  },
};
