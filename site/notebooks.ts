/** Runs the sources of the notebooks and writes the notebooks beside them: `npm run notebooks [-- toolkit …]`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startKernel } from "./notebook/kernel.ts";
import { notebookText, runSource } from "./notebook/notebook.ts";
import { notebookNames } from "./plan.ts";

const root = process.cwd();
const folder = join(root, "examples", "notebooks");
const names = process.argv.length > 2 ? process.argv.slice(2) : notebookNames;
for (const name of names) {
  const kernel = await startKernel({ root, cwd: folder });
  try {
    const text = notebookText(
      await runSource(name, readFileSync(join(folder, `${name}.ts`), "utf8"), kernel),
    );
    writeFileSync(join(folder, `${name}.ipynb`), text);
    console.log(`examples/notebooks/${name}.ipynb: ${Math.ceil(text.length / 1000)} kB`);
  } finally {
    await kernel.close();
  }
}
