/** A question on the terminal. */
import { createInterface } from "node:readline";

/**
 * Asks on the terminal and resolves to the line that is typed; to an empty one at the end of the input, and when the signal
 * comes. Nothing is asked, and undefined returned, where there is no terminal to answer at.
 */
export function terminalQuestion(
  { stdin, stderr }: Pick<NodeJS.Process, "stdin" | "stderr">,
  signal: AbortSignal,
): ((question: string) => Promise<string>) | undefined {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined;
  return (question) =>
    new Promise((resolve) => {
      // the terminal stays as it is: Ctrl+C is a signal to the process, as everywhere
      const lines = createInterface({ input: stdin, output: stderr, terminal: false });
      const end = () => lines.close();
      lines.on("close", () => {
        signal.removeEventListener("abort", end);
        resolve("");
      });
      signal.addEventListener("abort", end);
      lines.question(question, (line) => {
        resolve(line);
        lines.close();
      });
    });
}
