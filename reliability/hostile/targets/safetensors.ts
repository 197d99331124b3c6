import { memorySource } from "../../../src/record/byteSource.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "../../../src/record/safetensors.ts";
import {
  openSafetensors,
  readStored,
  readTensorBytes,
  readWidened,
} from "../../../src/record/tensorReader.ts";
import { anyMutant } from "../../../test/record/mutants.ts";
import { difference, type Target } from "../target.ts";

const file = "model.safetensors";

/** The tensors with their bytes, as text. */
function essence(
  tensors: Iterable<readonly [string, { shape: readonly number[]; data: ArrayBufferView }]>,
): string {
  const lines = Array.from(tensors, ([name, { shape, data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return JSON.stringify([name, data.constructor.name, shape, Buffer.from(bytes).toString("hex")]);
  });
  return lines.sort().join("\n");
}

/** What `readSafetensors` takes, written and read again; other dtypes as the numbers that they are read as. */
export const safetensors: Target = {
  kind: "safetensors",
  mutant: anyMutant,
  async accept(bytes) {
    const { source, places } = await openSafetensors(memorySource(file, bytes));
    const stored: [string, Tensor][] = [];
    for (const place of places.values()) {
      const raw = await readTensorBytes(source, place);
      if (raw.length !== place.end - place.start) return `tensor ${place.name} has ${raw.length} bytes`;
      const { name, dtype, shape } = place;
      if (dtype === "F32" || dtype === "F64" || dtype === "I32") {
        const data = await readStored(source, place);
        stored.push([name, { shape, data: data as Tensor["data"] }]);
      } else if (dtype === "F16" || dtype === "BF16") {
        await readWidened(source, place);
      }
    }
    const again = readSafetensors(writeSafetensors(stored), { file });
    return difference("a tensor", essence(stored), essence(again.tensors));
  },
};
