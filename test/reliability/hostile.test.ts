/** The short forms of the checks of hostile files, and each without its safeguards, which it must notice. */
import { checksHold } from "./checksHold.ts";

checksHold(["C1", "C2", "C3", "C5", "C6", "C7", "C8", "C9"]);
