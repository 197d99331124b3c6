/** Every promise that is checked, in the order of the documentation. */
import type { Check } from "./check.ts";
import { goldenTable } from "./determinism/goldenTable.ts";
import { manifestHeld } from "./determinism/manifestHeld.ts";
import { anySharing, anyStop } from "./determinism/sameBits.ts";
import { bombCheck } from "./hostile/bombCheck.ts";
import { noCode } from "./hostile/code.ts";
import { downloads } from "./hostile/downloads.ts";
import { golden } from "./hostile/golden.ts";
import { injection } from "./hostile/injection.ts";
import { mutants } from "./hostile/mutants.ts";
import { paths } from "./hostile/paths.ts";
import { patterns } from "./hostile/patterns.ts";
import { deaths, terminated } from "./isolation/deaths.ts";
import { marks } from "./isolation/marks.ts";
import { nativeCrash } from "./isolation/nativeCrash.ts";
import { sickModel } from "./isolation/sickModel.ts";

export const checks: readonly Check[] = [
  golden,
  mutants,
  bombCheck,
  paths,
  noCode,
  patterns,
  injection,
  downloads,
  sickModel,
  marks,
  deaths,
  terminated,
  nativeCrash,
  anySharing,
  anyStop,
  goldenTable,
  manifestHeld,
];
