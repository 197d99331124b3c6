/** How components deep in the page reach its laboratory. */
import { createContext } from "svelte";
import type { Lab } from "./lab.svelte.ts";

/** `setLabOfPage` once, in the page; `labOfPage` wherever it is needed. */
export const [labOfPage, setLabOfPage] = createContext<Lab>();
