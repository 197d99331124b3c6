/** What the site has: pages by the files that they are made from, and the contents that lead to them. */

/** A place in the site, relative to its root: `gallery.html`. */
export type PagePath = string;

/** Documents with a page of their own and a place in the contents; the others get a page where something links to them. */
const guides = [
  "library",
  "interp",
  "studio",
  "experiments",
  "inspect",
  "persistence",
  "distribution",
  "studies",
  "findings",
  "track",
  "pretrained",
  "pairs",
  "text",
  "engine",
  "performance",
  "runs",
  "sweeps",
  "cluster",
  "reliability",
].map((name) => `docs/${name}.md`);
/** The notebooks, in reading order; each is a source and a notebook in examples/notebooks. */
export const notebookNames = ["toolkit", "experiments", "persistence"] as const;
const project = ["ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/** Groups of the contents: files of the repository, in reading order. */
export const contents = [
  { title: "Start", files: ["README.md"] },
  {
    title: "Notebooks",
    files: notebookNames.map((name) => `examples/notebooks/${name}.ipynb`),
  },
  { title: "Pictures", files: ["docs/gallery.md"] },
  { title: "Guides", files: guides },
  { title: "Project", files: project },
] as const;

/** Page of a file of the repository; what has no page in the contents is shown under `source/`. */
export function pageOf(file: string): PagePath {
  if (file === "README.md") return "index.html";
  const notebook = /^examples\/notebooks\/(\w+)\.ipynb$/.exec(file);
  if (notebook !== null) return `notebooks/${notebook[1]}.html`;
  const document = /^(?:docs\/)?([\w-]+)\.md$/.exec(file);
  if (document !== null) return `${document[1].toLowerCase()}.html`;
  return `source/${file}.html`;
}
