/** What a question is held against; printed beside the figures, never asserted. */
export interface QuestionTarget {
  readonly id: string;
  readonly label: string;
  /** At most so many milliseconds. */
  readonly milliseconds?: number;
  /** At least so many times faster than dp_accounting. */
  readonly timesFaster?: number;
  /** At most so wide, for a lower and an upper bound. */
  readonly width?: number;
}

export const REFERENCE_PEER = 'dp_accounting';

/** Run lengths over which the cost of a question must not grow. */
export const STEP_COUNTS = [1e3, 1e4, 1e5, 1e6, 1e7] as const;
/** "Flat": the slowest of them takes at most so many times the fastest. */
export const FLATNESS = 3;

const RUN = 'q 0.01, σ 1.1, 10,000 steps, δ 1e-5';

/** In the order in which they are shown. */
export const QUESTIONS: readonly QuestionTarget[] = [
  { id: 'pld-epsilon', label: `PLD ε, ${RUN}, interval 1e-4`, milliseconds: 50, timesFaster: 8 },
  {
    id: 'certified-epsilon',
    label: `certified ε, lower and upper, ${RUN}`,
    milliseconds: 150,
    width: 1e-3,
  },
  { id: 'pld-calibration', label: 'σ for ε = 3 by PLD, to 1e-4', milliseconds: 300, timesFaster: 20 },
  { id: 'rdp-epsilon', label: `RDP ε, ${RUN}`, milliseconds: 1, timesFaster: 20 },
  {
    id: 'single-steps',
    label: '100 single steps composed, ε by PLD after each (dp_accounting: interval 1e-3)',
    milliseconds: 1000,
  },
  ...STEP_COUNTS.map((steps) => ({
    id: `pld-steps-${steps}`,
    label: `PLD ε of ${steps.toLocaleString('en')} steps`,
  })),
  { id: 'cold-start', label: 'from a cold start: `tfjs-privacy budget`', milliseconds: 200 },
  { id: 'cold-floor', label: 'Node alone, from a cold start' },
];

/** Any valid input: an answer within so many seconds and MiB. */
export const HARD_INPUT_SECONDS = 5;
export const HARD_INPUT_MIB = 500;
/** The package, bundled for a browser, minified and gzipped: at most so many bytes. */
export const BUNDLE_BYTES = 100_000;
