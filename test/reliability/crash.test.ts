/**
 * The short forms of the checks of kills, power and failing disks, and each without its safeguards, which it must notice.
 * A9 is left to `npm run check:reliability`: it times the machine's disk, and no test may.
 */
import { checksHold } from "./checksHold.ts";

checksHold(["A1", "A2", "A3", "A4", "A5", "A7", "A10"]);
