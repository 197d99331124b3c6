/** A run that ended before it was complete, and how to go on with it. */

/** What a run throws that was stopped or failed but can be gone on with. */
export class StoppedRun extends Error {
  /** A sentence: the command that goes on. */
  readonly goingOn: string;

  /**
   * @param cause    what it was stopped by
   * @param goingOn  a sentence
   */
  constructor(cause: unknown, goingOn: string) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "StoppedRun";
    this.goingOn = goingOn;
  }
}
