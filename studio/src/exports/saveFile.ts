/** Hands bytes to the person as a file. */

/** Lets the browser save a file under a name. */
export function saveFile(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // the browser has the blob by then; a minute is more than it takes to ask where to put it
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
