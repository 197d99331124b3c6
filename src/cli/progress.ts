/**
 * Progress on stderr: a display that redraws itself on a terminal, JSON lines where there is none, or nothing.
 *
 * stdout is left to results.
 */
import { createLogUpdate } from "log-update";
import { readableJson } from "../record/canonicalJson.ts";
import { type Board, type Picture, silentBoard } from "./board.ts";
import { printable } from "./printable.ts";
import { armPace, type BoardState, renderBoard, totalPace } from "./renderBoard.ts";
import type { TextStream } from "./textStream.ts";

export type { Board, Picture };

/** How a board shows itself. */
export interface BoardOptions {
  readonly stream: TextStream;
  /** Shows nothing at all. */
  readonly quiet: boolean;
  /** Redraws in place; otherwise writes JSON lines. */
  readonly isTTY: boolean;
  /** Monotonic clock, ms. */
  readonly now: () => number;
}

/** Milliseconds between two pictures, and between two JSON lines. */
const redrawInterval = 100;
const lineInterval = 1000;

/** How one kind of board shows what it is told. */
interface Display {
  readonly interval: number;
  show(picture: Picture, now: number): void;
  log(line: string): void;
  end(): void;
}

function terminal(stream: TextStream): Display {
  // the cursor stays visible: a run that is killed leaves the terminal as it was
  const draw = createLogUpdate(stream, { showCursor: true });
  return {
    interval: redrawInterval,
    // one column is kept free: terminals differ in what they do after the last
    show: (picture, now) => draw(picture.lines(now, (stream.columns ?? 80) - 1).join("\n")),
    log: (line) => draw.persist(printable(line)),
    end: () => draw.done(),
  };
}

/** The line of a state, for whoever reads a log: the same numbers as on the terminal. */
function progressRecord(state: BoardState, now: number): object {
  const { done, rate, secondsLeft } = totalPace(state, now);
  return {
    event: "progress",
    ...(state.title === undefined ? {} : { title: printable(state.title) }),
    seconds: (now - state.started) / 1000,
    done,
    ...(state.shares ? {} : { modelStepsPerSecond: rate }),
    secondsLeft,
    arms: state.arms.map((arm) => {
      const { step, rate, secondsLeft } = armPace(arm, now);
      const { models, steps, loss } = arm;
      if (state.shares)
        return { arm: printable(arm.arm), seeds: models, done: step / Math.max(1, steps), loss, secondsLeft };
      return {
        arm: printable(arm.arm),
        models,
        step,
        steps,
        loss,
        modelStepsPerSecond: rate,
        secondsLeft,
      };
    }),
  };
}

function jsonLines(stream: TextStream): Display {
  const write = (record: object) => stream.write(`${readableJson(record, { indent: 0 })}\n`);
  return {
    interval: lineInterval,
    show: (picture, now) => write(picture.record(now)),
    log: (line) => write({ event: "log", message: printable(line) }),
    end: () => {},
  };
}

/** The picture of a state of training. */
function pictureOf(state: BoardState): Picture {
  return {
    lines: (now, width) => renderBoard(state, now, width),
    record: (now) => progressRecord(state, now),
  };
}

/**
 * A board for a run. A picture that comes too soon after the last picture is kept and shown by the next call, or at the
 * end, so the last state is never lost.
 */
export function createBoard({ stream, quiet, isTTY, now }: BoardOptions): Board {
  if (quiet) return silentBoard;
  const display = isTTY ? terminal(stream) : jsonLines(stream);
  let shown = Number.NEGATIVE_INFINITY;
  let waiting: Picture | null = null;
  let open = true;
  const show = (picture: Picture, time: number) => {
    display.show(picture, time);
    shown = time;
    waiting = null;
  };
  const draw = (picture: Picture) => {
    if (!open) return;
    const time = now();
    if (time - shown >= display.interval) show(picture, time);
    else waiting = picture;
  };
  return {
    update: (state) => draw(pictureOf(state)),
    draw,
    log: (line) => {
      if (open) display.log(line);
    },
    done: () => {
      if (!open) return;
      if (waiting !== null) show(waiting, now());
      open = false;
      display.end();
    },
  };
}
