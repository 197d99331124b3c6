/** A figure as an SVG file where the user wants it. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseHTML } from "linkedom";
import { type FigureSpec, renderFigure } from "../figures/index.ts";
import { diskError } from "./disk/diskError.ts";

/** A DOM to draw in; nothing of it is shown. */
export function drawingDocument(): Document {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  return document as unknown as Document;
}

/**
 * Claims a file for a figure, so that one that cannot be written is found before the work and not after. It gets its name
 * when it is whole; a file that is there already stays as it is until then.
 *
 * @param path  as the user gave it, relative to `cwd` or absolute
 * @returns     `write` draws and publishes; `discard` leaves nothing behind where there is no figure after all
 * @throws FileError  one sentence: there is no such folder, it is read-only, the disk is full …
 */
export function openSvg(path: string, cwd: string): { write(figure: FigureSpec): void; discard(): void } {
  const target = resolve(cwd, path);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw diskError(error, target, path, "cannot be written");
    }
  };
  const file = attempt(() => openSync(temporary, "wx"));
  let open = true;
  const discard = () => {
    if (!open) return;
    open = false;
    closeSync(file);
    rmSync(temporary, { force: true });
  };
  return {
    discard,
    write: (figure) => {
      const bytes = new TextEncoder().encode(renderFigure(figure, drawingDocument()));
      attempt(() => {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
        fsyncSync(file);
        renameSync(temporary, target);
      });
      closeSync(file);
      open = false;
    },
  };
}
