/** Study S1: fidelity to the original's recorded runs. */
export { fidelityStudy } from "./study.ts";
