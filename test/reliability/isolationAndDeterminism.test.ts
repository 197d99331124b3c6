/** The short forms of the checks of isolation and determinism, and each without its safeguards, which it must notice. */
import { checksHold } from "./checksHold.ts";

checksHold(["D1", "D2", "D3", "D4", "D5", "G1", "G2", "G3", "G4", "G6"]);
