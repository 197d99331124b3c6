/** The short forms of the checks of damage, locks, queues and signals, and each without its safeguards. */
import { checksHold } from "./checksHold.ts";

checksHold(["A6", "B1", "B2", "B3", "B4", "B5", "B6", "E1", "E2", "E3", "E4", "E5", "E7", "E8"]);
