import { packValue, unpackValue } from "../../../src/record/packed.ts";
import { fileOf, pick } from "../../../test/record/mutants.ts";
import { byteMutant, jsonMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

/** States of jobs as they are kept: weights, losses, what a job told; and every form that a value can have. */
const values: readonly unknown[] = [
  {
    step: 40,
    weights: { "embed.W_E": Float32Array.of(1, -0, Number.NaN), "unembed.b_U": new Float32Array(0) },
    losses: [Float64Array.of(1, 2), Float64Array.of(3, 4)],
    divergedAt: [null, 3],
  },
  [
    { kind: "checkpoint", step: 0, heldOut: Float64Array.of(2.5), dead: Uint8Array.of(1, 0) },
    { kind: "end", losses: [Int32Array.of(1), Int32Array.of(1, 2)], nothing: undefined },
  ],
  new Map<unknown, unknown>([
    ["a", Number.POSITIVE_INFINITY],
    [1, [-0, Number.NaN]],
  ]),
  { $money: 1, list: Array.from({ length: 40 }, (_, i) => i / 2), half: "\ud800" },
  null,
];

const seeds = values.map((value) => packValue(value, { note: "x" }));
const own = [
  ...['{"$tensor":"weights.embed.W_E"}', '{"$rows":"losses"}', '{"$numbers":"list"}', '{"$number":"-0"}'],
  ...[
    '{"$undefined":true}',
    '{"$string":[55296]}',
    '{"$map":[[1,2]]}',
    '{"$object":[["$",1]]}',
    '"F64"',
    '"I32"',
  ],
  ...['{"$rows":"losses","lengths":[1,1]}', '{"$rows":"value","lengths":[9007199254740993]}'],
];

/** The header's text and the bytes behind it. */
function halves(bytes: Uint8Array): [string, Uint8Array] {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return [new TextDecoder().decode(bytes.subarray(8, 8 + length)).trimEnd(), bytes.subarray(8 + length)];
}

/** A header changed inside the JSON of its value, which stands in it as a text. */
function valueMutant(header: string, change: (json: string) => string): string {
  const parsed = JSON.parse(header);
  parsed.__metadata__.value = change(parsed.__metadata__.value);
  return JSON.stringify(parsed);
}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, part) => {
    if (ArrayBuffer.isView(part))
      return [
        part.constructor.name,
        Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("hex"),
      ];
    if (part instanceof Map) return ["Map", ...part];
    if (typeof part === "number") return Object.is(part, -0) ? "-0" : `${part}`;
    return part === undefined ? "undefined" : part;
  });

/** A value that was kept to go on from. */
export const packed: Target = {
  kind: "packed state",
  mutant(stream) {
    const bytes = pick(seeds, stream);
    const way = stream.integer(4);
    if (way === 0) return byteMutant(bytes, stream);
    const [header, data] = halves(bytes);
    const changed =
      way === 1
        ? jsonMutant(header, stream, own)
        : valueMutant(header, (json) => jsonMutant(json, stream, own));
    const start = fileOf([changed, 0]);
    return Uint8Array.from([...start, ...data]);
  },
  accept(bytes) {
    const { value, metadata } = unpackValue(bytes, "state.safetensors");
    const again = unpackValue(packValue(value, Object.fromEntries(metadata)), "again");
    return difference(
      "a value",
      shown([value, [...metadata].sort()]),
      shown([again.value, [...again.metadata].sort()]),
    );
  },
};
