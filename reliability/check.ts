/** A promise and the trials that would find it broken. */

/** `short` is part of the tests, seconds each; `long` is run once, and its figures are what the documentation gives. */
export type Form = "short" | "long";

/** How a check is run. */
export interface CheckOptions {
  /** Decides every drawn case; the same seed draws the same cases on every machine. */
  readonly seed: number;
  /** Tells how far it has come, on stderr. */
  readonly say: (text: string) => void;
  /** One of {@link Check.weakenings}: what is checked is run without that safeguard, and the check must notice. */
  readonly without?: string;
}

/** What a check found. It passed where `failures` is empty. */
export interface Finding {
  /** The figure of the promise as a phrase, e.g. `0 of 10,000 files crashed the reader`. */
  readonly figure: string;
  /** Trials that were made. */
  readonly count: number;
  /** What the trials reached, so that a harness which tries nothing can be told from one that finds nothing. */
  readonly coverage: Readonly<Record<string, number>>;
  /** One sentence each; what cannot be run on this machine is a failure that says why. */
  readonly failures: readonly string[];
}

/** A promise with its proof. */
export interface Check {
  /** Letter and number, e.g. `C2`. */
  readonly id: string;
  readonly promise: string;
  /** Safeguards that can be left out to see that the check fails: the test of the test. */
  readonly weakenings?: readonly string[];
  run(form: Form, options: CheckOptions): Promise<Finding>;
}

/** What is printed of a check, as one line of JSON. */
export interface CheckLine extends Finding {
  readonly id: string;
  readonly promise: string;
  readonly form: Form;
  readonly without?: string;
  readonly passed: boolean;
  readonly seed: number;
  readonly seconds: number;
}

/** What a line says where the check itself broke. */
const notRun = "it could not be run";

/** Whether a check that was run without a safeguard failed for it, and not for something else that it needs. */
export function isNoticed({ passed, figure }: CheckLine): boolean {
  return !passed && figure !== notRun;
}

/** Failures that a line tells; more say no more. */
const mostFailures = 20;

/** Runs a check; whatever it throws is a failure of it. */
export async function lineOf(check: Check, form: Form, options: CheckOptions): Promise<CheckLine> {
  const started = performance.now();
  const { id, promise } = check;
  let finding: Finding;
  try {
    finding = await check.run(form, options);
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    finding = { figure: notRun, count: 0, coverage: {}, failures: [said] };
  }
  const { figure, count, coverage } = finding;
  const failures =
    finding.count === 0 && finding.failures.length === 0 ? ["nothing was tried"] : finding.failures;
  const more = failures.length - mostFailures;
  return {
    ...{ id, promise, form },
    ...(options.without === undefined ? {} : { without: options.without }),
    passed: failures.length === 0,
    ...{ figure, count, seed: options.seed, coverage },
    seconds: Math.round((performance.now() - started) / 100) / 10,
    failures: more > 0 ? [...failures.slice(0, mostFailures), `and ${more} more`] : failures,
  };
}
