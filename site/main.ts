/** Builds the documentation into dist/docs: `npm run docs`. */
import { join, relative } from "node:path";
import { buildSite } from "./buildSite.ts";
import { brokenLinks } from "./links.ts";

const root = process.cwd();
const out = join(root, "dist", "docs");
await buildSite({ root, out });
const broken = brokenLinks(out);
for (const link of broken) console.error(`docs: leads nowhere: ${link}`);
if (broken.length > 0) process.exitCode = 1;
else console.log(`${relative(root, out)}/index.html`);
