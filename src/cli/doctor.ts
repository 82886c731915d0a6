import { type DoctorReport, doctor } from '../backend/index.js';
import { EXIT } from './failure.js';
import { painter, printJson, type Terminal, textWidth, wrap } from './terminal.js';

/** The schema of what `doctor --json` prints. */
export const DOCTOR_SCHEMA = 'tfjs-privacy/doctor/1';

/** Prints what of this installation works, what does not, and what to do about it. Fails when nothing can run. */
export async function runDoctor(flags: { readonly json?: boolean }, terminal: Terminal): Promise<number> {
  const report = await doctor();
  const usable = report.selected !== undefined && report.node.supported && report.engine.folders.length === 1;
  if (flags.json) printJson({ schema: DOCTOR_SCHEMA, usable, ...report }, terminal);
  else print(report, usable, terminal);
  return usable ? EXIT.done : EXIT.failed;
}

type Sign = 'good' | 'missing' | 'bad';

function print(report: DoctorReport, usable: boolean, terminal: Terminal): void {
  const paint = painter(terminal);
  const width = textWidth(terminal.stdout);
  const colors = { good: 'green', missing: 'yellow', bad: 'red' } as const;
  const line = ([sign, text]: readonly [Sign, string]) => {
    const [first, ...rest] = wrap(text, width, ' '.repeat(10)).split('\n');
    return [`  ${paint(sign.padEnd(8), colors[sign])}${first!.slice(10)}`, ...rest].join('\n');
  };
  const { selected } = report;
  const headline = !usable
    ? 'This installation can’t train yet.'
    : `Computing on ${selected!.name}: ${selected!.reason}.`;
  const advice = report.advice.map((text, i) => {
    const number = `  ${i + 1}. `;
    return number + wrap(text, width, ' '.repeat(number.length)).slice(number.length);
  });
  const sections = [
    paint(headline, 'bold'),
    [...checks(report)].map(line).join('\n'),
    ...(advice.length > 0 ? [`What to do\n${advice.join('\n')}`] : []),
  ];
  terminal.stdout.write(`${sections.join('\n\n')}\n`);
}

function* checks(report: DoctorReport): Generator<readonly [Sign, string]> {
  const { node, engine, packages, backends, cores, memoryGigabytes, platform } = report;
  yield [node.supported ? 'good' : 'bad', `Node ${node.version} (${node.minimum} or newer is needed)`];
  yield ['good', `${platform}, ${cores} cores, ${memoryGigabytes} GB of memory`];
  yield engine.folders.length === 1
    ? ['good', `one copy of tfjs-core, ${engine.version}`]
    : ['bad', `${engine.folders.length} copies of tfjs-core: ${engine.folders.join(', ')}`];
  for (const { name, version } of packages) {
    yield version === undefined ? ['missing', `${name} is not installed`] : ['good', `${name} ${version}`];
  }
  for (const check of backends) {
    if (!check.loads) {
      yield ['missing', `backend ${check.name}: ${check.reason}`];
      continue;
    }
    const simd = check.simd === undefined ? '' : check.simd ? ', SIMD' : ', no SIMD';
    const threads = check.threads === 1 ? '1 thread' : `${check.threads} threads`;
    yield [
      'good',
      `backend ${check.name} ${check.version}: ${threads}${simd}, loads in ${Math.ceil(check.loadMilliseconds)} ms`,
    ];
  }
}
