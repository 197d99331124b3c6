/** How far a fetch is: lines for a terminal, an object for a log. */

import { printable } from "../printable.ts";
import type { Picture } from "../progress.ts";
import { bar, duration } from "../renderBoard.ts";

/** What is known of a fetch at one moment. */
export interface Transfer {
  /** Clock reading at which it began, ms. */
  readonly started: number;
  readonly title: string;
  /** The file at hand, and whether it is read from the disk or fetched. */
  readonly file: string;
  readonly activity: "checking" | "fetching";
  readonly fileBytes: number;
  readonly fileSize: number;
  /** Bytes here, of all files, and all there are. */
  readonly bytes: number;
  readonly size: number;
  /** Bytes that came over the network. */
  readonly received: number;
}

/** `512 B`, `1.4 MB`, in powers of 1000. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const unit = Math.min(
    units.length - 1,
    Math.max(0, Math.floor((String(Math.floor(bytes)).length - 1) / 3)),
  );
  return unit === 0 ? `${bytes} B` : `${(bytes / 1000 ** unit).toFixed(1)} ${units[unit]}`;
}

/** Bytes a second over the network, and seconds until all is here at that pace; null before the first byte. */
function pace({ started, received, bytes, size }: Transfer, now: number) {
  const seconds = (now - started) / 1000;
  if (!(received > 0 && seconds > 0)) return { rate: null, secondsLeft: null };
  const rate = received / seconds;
  return { rate, secondsLeft: (size - bytes) / rate };
}

/** The picture of a fetch. */
export function transferPicture(transfer: Transfer): Picture {
  const { title, file, activity, fileBytes, fileSize, bytes, size } = transfer;
  const share = size > 0 ? Math.min(1, bytes / size) : 1;
  return {
    lines: (now, width) => {
      const { rate, secondsLeft } = pace(transfer, now);
      const total = [
        `total  ${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %`,
        `${bytesText(bytes)} of ${bytesText(size)}`,
        rate === null ? "" : `${bytesText(Math.round(rate))}/s`,
        secondsLeft === null ? "" : `${duration(secondsLeft)} left`,
      ];
      return [
        title,
        `${activity} ${file}  ${bytesText(fileBytes)} of ${bytesText(fileSize)}`,
        total.filter((part) => part !== "").join("  "),
      ].map((line) => printable(line).replaceAll("\n", " ").slice(0, width));
    },
    record: (now) => {
      const { rate, secondsLeft } = pace(transfer, now);
      return {
        ...{ event: "progress", title: printable(title), seconds: (now - transfer.started) / 1000 },
        ...{ activity, file: printable(file), fileBytes, fileSize, bytes, size },
        ...{ bytesPerSecond: rate, secondsLeft },
      };
    },
  };
}
