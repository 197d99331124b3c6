/** `palimpsest verify`: whether runs are as they were left and, where asked, come out the same again. */
import { UserError } from "../../base/errors.ts";
import type { VerifyOptions } from "../commands/verify.ts";
import type { Outcome, ReplayIo } from "../io.ts";
import { printable } from "../printable.ts";
import { bar } from "../renderBoard.ts";
import { type CheckedRun, type UnreadableRun, verdictOf } from "./checkedRun.ts";
import { entriesOf } from "./checkFiles.ts";
import { checkMoving } from "./checkMoving.ts";
import { prepareRerun, withRerun } from "./rerun.ts";
import { lookAtRun, type RunAtHand } from "./runAtHand.ts";
import { faultSentence, megabytes, runLines } from "./verifyText.ts";

/** Exit codes: something is not as it was left; something that was named is no run, or cannot be made again. */
const [foundCode, badInputCode] = [3, 2];

/** Verifies runs, one after the other. A run that cannot be looked through costs the others nothing. */
export async function runVerify({ runs, rerun }: VerifyOptions, io: ReplayIo): Promise<Outcome> {
  /** With one run alone, what is wrong with it is the command's own error. */
  const orUnreadable = (run: string, error: unknown): UnreadableRun => {
    if (runs.length === 1 || io.signal.aborted || !(error instanceof UserError)) throw error;
    return { run, verdict: "unreadable", says: error.message };
  };
  const looked = runs.map((run) => {
    try {
      return lookAtRun(run, io.cwd);
    } catch (error) {
      return orUnreadable(run, error);
    }
  });
  const bytes = looked.flatMap((run) => ("verdict" in run ? [] : entriesOf(run).map((entry) => entry.bytes)));
  const seen = byteProgress(
    bytes.reduce((sum, length) => sum + length, 0),
    io,
  );
  const said: (CheckedRun | UnreadableRun)[] = [];
  for (const run of looked)
    if ("verdict" in run) said.push(run);
    else said.push(await verifyOne(run, rerun, io, seen).catch((error) => orUnreadable(run.run, error)));
  return outcomeOf(said);
}

async function verifyOne(
  looked: RunAtHand,
  rerun: boolean,
  io: ReplayIo,
  seen: (run: string, bytes: number) => void,
): Promise<CheckedRun> {
  // what cannot be made again is said before anything is read
  const again = rerun ? await prepareRerun(looked, io) : null;
  const { signal } = io;
  const { run, files: checked } = await checkMoving(looked, () => lookAtRun(looked.run, io.cwd), {
    signal,
    seen: (bytes) => seen(looked.run, bytes),
  });
  const files = again === null ? checked : withRerun(checked, await again());
  const { manifest } = run;
  const status = manifest.verdict === "missing" ? null : (manifest.value?.status ?? null);
  return { run: run.run, status, verdict: verdictOf(files), files };
}

/** Shows how much has been read. */
function byteProgress(total: number, { board, clock }: ReplayIo): (run: string, bytes: number) => void {
  const started = clock();
  let done = 0;
  return (run, bytes) => {
    done += bytes;
    const share = total > 0 ? done / total : 1;
    const what = `${megabytes(done)} of ${megabytes(total)}`;
    board.draw({
      lines: (_, width) =>
        [`reading ${run}`, `${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %  ${what}`].map(
          (line) => printable(line).replaceAll("\n", " ").slice(0, width),
        ),
      record: (now) => ({
        ...{ event: "progress", title: printable(`reading ${run}`), seconds: (now - started) / 1000 },
        ...{ done: share, bytes: done, ofBytes: total },
      }),
    });
  };
}

function outcomeOf(runs: readonly (CheckedRun | UnreadableRun)[]): Outcome {
  const warnings = runs.flatMap((run) =>
    run.verdict === "unreadable" ? [run.says] : (faultSentence(run) ?? []),
  );
  const isFound = runs.some(({ verdict }) => verdict === "damaged" || verdict === "differs");
  const exitCode = runs.some(({ verdict }) => verdict === "unreadable")
    ? badInputCode
    : isFound
      ? foundCode
      : 0;
  return {
    result: runs.length === 1 ? runs[0] : { runs },
    summary: runs
      .flatMap((run) => (run.verdict === "unreadable" ? [`${run.run}: not verified`] : runLines(run)))
      .join("\n"),
    exitCode,
    ...(warnings.length === 0 ? {} : { warning: warnings.join("\n") }),
  };
}
