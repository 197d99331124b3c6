/** Puts the studio into the page. */
import "./strictSchemas.ts";

import { mount } from "svelte";
import { themeCss } from "../../src/figures/theme.ts";
import App from "./App.svelte";
import "./style/page.css";

// the colours of every figure, defined once; a constructed sheet needs no exception from the page's policy
const theme = new CSSStyleSheet();
theme.replaceSync(themeCss);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, theme];

mount(App, { target: document.getElementById("studio") as HTMLElement });
