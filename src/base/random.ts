/**
 * Randomness as an argument: independent streams keyed by what they are for.
 *
 * A counter-based generator has no hidden state, so the draw number k of the stream (study, seed, purpose) is the same
 * on every machine, in any order, on any number of workers. Paired arms of a study share a stream by sharing its key.
 */
import { ArgumentError } from "./errors.ts";
import { normalQuantile } from "./normalQuantile.ts";

const PARITY = 0x1bd11bda;
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];

/**
 * Threefry-2x32 with 20 rounds: a bijection of two 32-bit words under a key of two.
 *
 * @returns  two unsigned 32-bit words
 * @source Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3
 */
export function threefry2x32(
  key: readonly [number, number],
  counter: readonly [number, number],
): [number, number] {
  const schedule = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
  let x = (counter[0] + schedule[0]) | 0;
  let y = (counter[1] + schedule[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8];
    x = (x + y) | 0;
    y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    if (round % 4 === 3) {
      const group = (round + 1) / 4;
      x = (x + schedule[group % 3]) | 0;
      y = (y + schedule[(group + 1) % 3] + group) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

/** What a stream is for, from the general to the particular, e.g. `["persistence", 7, "init"]`. */
export type StreamKey = readonly (string | number)[];

/** A sequence of independent draws. Each method advances the stream; {@link child} does not. */
export interface RandomStream {
  /** The next 32 random bits, as an unsigned integer. */
  uint32(): number;
  /** Uniform on (0, 1), 52 random bits, never 0 or 1. */
  uniform(): number;
  /** Uniform on {0, …, n−1}, without modulo bias. */
  integer(n: number): number;
  /** Standard normal, by inversion (one draw each). */
  normal(): number;
  /** A uniform permutation of 0 … n−1 (Fisher–Yates). */
  permutation(n: number): Int32Array;
  /** An independent stream, whose key is this one's followed by `key`. */
  child(...key: StreamKey): RandomStream;
}

/** Absorb a key part by part: each word of its encoding is encrypted together with the state so far. */
function hashKey(key: StreamKey): [number, number] {
  let state: [number, number] = [0x70616c69, 0x6d707374]; // "pali", "mpst"
  const absorb = (word: number) => {
    const [x, y] = threefry2x32(state, [word >>> 0, 0]);
    state = [x, y];
  };
  for (const part of key) {
    if (typeof part === "number") {
      if (!Number.isSafeInteger(part))
        throw new ArgumentError({
          where: "random stream",
          rule: "a number in a key must be a safe integer",
          got: String(part),
        });
      absorb(1);
      absorb(part);
      absorb(Math.floor(part / 2 ** 32));
    } else {
      absorb(2);
      absorb(part.length);
      for (let i = 0; i < part.length; i++) absorb(part.charCodeAt(i));
    }
  }
  return state;
}

/**
 * The random stream of a key.
 *
 * @example randomStream("persistence", 7, "init").normal()
 */
export function randomStream(...key: StreamKey): RandomStream {
  const words = hashKey(key);
  let block = 0;
  let spare: number | undefined;
  const uint32 = () => {
    if (spare !== undefined) {
      const word = spare;
      spare = undefined;
      return word;
    }
    const [x, y] = threefry2x32(words, [block >>> 0, Math.floor(block / 2 ** 32)]);
    block++;
    spare = y;
    return x;
  };
  const uniform = () => {
    const high = uint32() >>> 6; // 26 bits
    const low = uint32() >>> 6; // 26 bits
    return (high * 0x4000000 + low + 0.5) * 2 ** -52; // the half keeps 0 and 1 out
  };
  const integer = (n: number) => {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32))
      throw new ArgumentError({
        where: "random integer",
        rule: "needs a whole bound from 1 to 2^32",
        got: String(n),
      });
    const limit = 2 ** 32 - (2 ** 32 % n); // reject the incomplete last cycle
    let word = uint32();
    while (word >= limit) word = uint32();
    return word % n;
  };
  return {
    uint32,
    uniform,
    integer,
    normal: () => normalQuantile(uniform()),
    permutation: (n) => {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    },
    child: (...more) => randomStream(...key, ...more),
  };
}
