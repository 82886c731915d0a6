/**
 * Schedules: σ, C and the learning rate as functions of the logical step.
 *
 * What they are: frozen, serialisable objects and one function that reads them. What they are not: they never see
 * time, data or what was released, so they are public and fixed before training.
 *
 * Invariants: the value of step k depends on k alone; a value is finite and not negative, or the schedule is refused.
 */
export { describeSchedule } from './describe-schedule.js';
export { requireLearningRate, setLearningRate } from './learning-rate.js';
export {
  type ConstantSchedule,
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  linearSchedule,
  type RampSchedule,
  requireSchedule,
  type Schedule,
  type StepSchedule,
  scaleSchedule,
  scheduleAt,
  scheduleRange,
  stepSchedule,
} from './schedule.js';
