/** Every promise that is checked, in the order of the documentation. */
import type { Check } from "./check.ts";
import { anyByte } from "./corruption/anyByte.ts";
import { badFiles } from "./corruption/badFiles.ts";
import { olderState } from "./corruption/olderState.ts";
import { oneBadFile } from "./corruption/oneBadFile.ts";
import { queriedRuns } from "./corruption/queriedRuns.ts";
import { tornLog } from "./corruption/tornLog.ts";
import { everyCall } from "./crash/everyCall.ts";
import { failingDisk } from "./crash/failingDisk.ts";
import { goingOn } from "./crash/goingOn.ts";
import { kills } from "./crash/kills.ts";
import { nested } from "./crash/nested.ts";
import { overhead } from "./crash/overhead.ts";
import { powerLoss } from "./crash/powerLoss.ts";
import { sweepKills } from "./crash/sweepKills.ts";
import { floatBounds } from "./determinism/floatBounds.ts";
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
import { brokers, leases } from "./processes/brokers.ts";
import { deadOwner } from "./processes/deadOwner.ts";
import { deliveries } from "./processes/deliveries.ts";
import { oneOwner } from "./processes/oneOwner.ts";
import { orphans } from "./processes/orphans.ts";
import { pausedOwner } from "./processes/pausedOwner.ts";
import { signals } from "./processes/signals.ts";

export const checks: readonly Check[] = [
  kills,
  everyCall,
  powerLoss,
  nested,
  sweepKills,
  brokers,
  failingDisk,
  overhead,
  goingOn,
  anyByte,
  oneBadFile,
  olderState,
  tornLog,
  queriedRuns,
  badFiles,
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
  oneOwner,
  deadOwner,
  pausedOwner,
  deliveries,
  leases,
  signals,
  orphans,
  anySharing,
  anyStop,
  goldenTable,
  floatBounds,
  manifestHeld,
];
