/**
 * Trains the two models of reverse.ts and shows what they have learned. Run it as the README says.
 */
import { uniformNumbers } from "./random.ts";
import { reversalAccuracy, reversalBatch, trainReversal, writeReversed } from "./reverse.ts";

const SEED = 42;
/** The sequences of the test come from another seed than the training's. */
const TEST_SEED = 43;

/** Prints loss and accuracy while each model learns, then some sequences with what it makes of them. */
export function main(): void {
  demonstrate("projected", 100);
  demonstrate("parameterFree", 250);
}

function demonstrate(attention: "projected" | "parameterFree", steps: number): void {
  console.log(`\n${attention} attention\n\nstep   loss (nats)   reversed letters right`);
  const started = performance.now();
  const { config, weights } = trainReversal({
    attention,
    steps,
    seed: SEED,
    onStep: ({ step, loss, config, weights }) => {
      if (step !== 1 && step % 25 !== 0) return;
      const accuracy = percent(reversalAccuracy(config, weights, 50, TEST_SEED));
      console.log(`${String(step).padStart(4)} ${loss.toFixed(4).padStart(13)} ${accuracy.padStart(24)}`);
    },
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const accuracy = percent(reversalAccuracy(config, weights, 500, TEST_SEED));
  console.log(`\n${accuracy} of 500 fresh sequences' letters after ${seconds} seconds, such as\n`);
  for (const input of reversalBatch(config, 3, uniformNumbers(TEST_SEED)).inputs) {
    const letters = input.slice(0, config.nCtx / 2);
    console.log(`  ${spell(letters)} | ${spell(writeReversed(config, weights, letters))}`);
  }
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** Token 0 is a, token 1 is b, …; the separator comes out as the letter after the alphabet. */
function spell(tokens: readonly number[]): string {
  return tokens.map((token) => String.fromCharCode(97 + token)).join(" ");
}

if (process.argv[1] === import.meta.filename) main();
