/** Imported before any schema is made: the page's policy allows no code from texts, not even to find out whether it does. */
import { config } from "zod";

config({ jitless: true });
