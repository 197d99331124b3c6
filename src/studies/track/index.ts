/** Tracking of a checkpoint series: what is measured at each checkpoint, and how it is reported. */
export {
  type CheckpointSource,
  type MeasureOptions,
  measureSeries,
  type SeriesSource,
  type TrackProgress,
} from "./measure.ts";
export { probeOf, randomProbe, type TrackPlan, type TrackPlanOptions, trackPlan } from "./plan.ts";
export { finalPersistence, startText, trackFigures, trackReport } from "./report.ts";
export type * from "./result.ts";
export { type TopUnit, topUnits } from "./summarise.ts";
