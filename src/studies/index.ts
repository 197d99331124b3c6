/**
 * Studies: questions with arms, nulls and rules, carried out by whoever has somewhere to run jobs.
 *
 * A job is plain data and so is what it tells, so jobs run anywhere and in any order: in workers, or one after the other
 * where they were made, as in `for (const [i, job] of jobs.entries()) await runJob(job, backend, (event) => tell(i, event))`.
 * How a population is cut into jobs changes no bit of a result.
 *
 * @module palimpsest/studies
 */
export {
  type ExperimentsExecution,
  type ExperimentsRunner,
  experiments,
} from "./experiments/experiments.ts";
export { type ExperimentsEvent, type ExperimentsJob, runExperimentsJob } from "./experiments/job.ts";
export { experimentsFigures } from "./experiments/report.ts";
export {
  type ExperimentsResult,
  experimentsResult,
  type PopulationResult,
  type PopulationSections,
} from "./experiments/result.ts";
export type { ExperimentSetup, Section, Verdict } from "./experiments/section.ts";
export {
  type ExperimentSettings,
  type PopulationSpec,
  type SectionName,
  sectionNames,
} from "./experiments/spec.ts";
export { persistenceFigures } from "./persistence/report.ts";
export type { ClaimVerdict, Group, PresetDetail, PresetSummary } from "./persistence/result.ts";
export type { Arm, PersistenceSettings } from "./persistence/spec.ts";
export {
  type Execution,
  type JobRunner,
  type PersistenceStudy,
  persistenceStudy,
} from "./persistence/study.ts";
export type { ArmSpec, ModelSeeds } from "./population/arm.ts";
export {
  type JobControl,
  type JobEvent,
  type JobState,
  type PopulationJob,
  runJob,
} from "./population/job.ts";
export { type CarriedOut, type CarryOutOptions, carryOut } from "./protocol/carryOut.ts";
export { type JobBackend, runStudyJob, type StudyEvent, type StudyJob } from "./protocol/jobs.ts";
export { type StudyDecision, type StudyResult, studyResult } from "./protocol/result.ts";
export {
  type Condition,
  type Decision,
  type DecisionRule,
  decide,
  type Verdict as RuleVerdict,
} from "./protocol/rule.ts";
export type { Findings, Study, StudyPlan, StudySize } from "./protocol/study.ts";
export { type RegisteredStudy, registeredStudies, type StudyMaterial, studyNamed } from "./registry.ts";
export {
  expandSweep,
  type KeyedJob,
  type SweepPlan,
  type SweepPoint,
  type SweptField,
} from "./sweep/expand.ts";
export {
  type JobSetting,
  jobKey,
  type OpenConfig,
  type PlannedConfig,
  type SweepJob,
} from "./sweep/job.ts";
export { readSweepResult, type SweepResult, type SweepSeries, sweepResultBytes } from "./sweep/result.ts";
export { runSweepJob, type SweepExecution } from "./sweep/runSweepJob.ts";
export { jobLimit, parseSweep, type SweepFile, type SweepSpec } from "./sweep/spec.ts";
