/** How much the studio's server takes. */

/** All in bytes or counts. */
export interface Limits {
  /** JSON in the body of a request. */
  readonly jsonBytes: number;
  /** One file of a run that is saved. */
  readonly fileBytes: number;
  /** All files of one such run together. */
  readonly saveBytes: number;
  readonly filesPerSave: number;
  /** Runs that are being saved at a time; beginning another gives up the one that was idle longest. */
  readonly openSaves: number;
  /** Runs that are listed: the latest. */
  readonly listedRuns: number;
  /** A manifest that is read. */
  readonly manifestBytes: number;
}

/** Far above what the studio itself makes, far below what fills a disk or a memory. */
export const standardLimits: Limits = {
  jsonBytes: 2 ** 24,
  fileBytes: 2 ** 30,
  saveBytes: 2 ** 33,
  filesPerSave: 10_000,
  openSaves: 8,
  listedRuns: 1000,
  manifestBytes: 2 ** 25,
};
