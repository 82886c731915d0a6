import type { StepPlan } from './plan.js';

const METHODS: Readonly<Record<string, string>> = {
  factors: 'from factors',
  kept: 'gradients kept',
  ghost: 'ghost (Gram matrices)',
  parts: 'gradients in parts',
  lookup: 'rows added by id',
  direct: 'direct',
  masked: 'no rule: an example at a time',
};

/**
 * A plan as text for a terminal or a log, one line a parameter; ends with a line break. The plan itself is a plain
 * object: `JSON.stringify(plan)` for programs.
 *
 * @example
 * process.stdout.write(planReport(plan(model, 256)));
 */
export function planReport(plan: StepPlan): string {
  const { bytes, milliseconds, estimate } = plan;
  const rows = plan.parameters.map((parameter) => [
    parameter.name,
    `[${parameter.shape.join(', ')}]`,
    parameter.uses.map(({ time, p, d }) => (p === 1 ? String(d) : `${time} × ${p} × ${d}`)).join(' + '),
    parameter.uses.map(({ method }) => METHODS[method] ?? method).join(' + '),
    bytesText(parameter.bytes.activations + parameter.bytes.outputGradients),
    bytesText(parameter.bytes.norms),
    bytesText(parameter.bytes.sum + parameter.bytes.noise),
    count(Object.values(parameter.flops).reduce((sum, part) => sum + part, 0)),
    `${parameter.milliseconds.toPrecision(2)} ms`,
  ]);
  const head = [
    'parameter',
    'shape',
    'time × p × d',
    'norms',
    'kept',
    'for norms',
    'sum + noise',
    'FLOP',
    'time',
  ];
  const first =
    bytes.firstPeak > bytes.peak
      ? ` (${bytesText(bytes.firstPeak)} in the first step, which checks itself)`
      : '';
  return [
    `A private step on ${plan.backend}: ${plan.expectedBatchSize} examples expected, in physical batches of ${plan.physicalBatch}`,
    '',
    table([head, ...rows]),
    '',
    table([
      ['weights', bytesText(bytes.weights)],
      ["optimizer's state", bytesText(bytes.optimizerState)],
      ['a physical batch', bytesText(bytes.physicalBatch)],
      ...(bytes.heldSums > 0 ? [['sums held between them', bytesText(bytes.heldSums)]] : []),
      ['noise and update', bytesText(bytes.update)],
    ]),
    '',
    `Peak: ${bytesText(bytes.peak)} in tensors${first}, the data set not included.`,
    `Time: ${duration(milliseconds.step)} a step: ${plan.physicalBatches} × ${duration(milliseconds.physicalBatch)} + ` +
      `${duration(milliseconds.update)} for noise and update.`,
    `Estimates from a dry run on made-up batches of ${estimate.batches.join(' and ')} (loss: ${estimate.loss}).`,
    '',
  ].join('\n');
}

function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

function count(operations: number): string {
  const units = ['', ' k', ' M', ' G', ' T'];
  let size = operations;
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1)}${units[unit]}`;
}

const duration = (milliseconds: number): string =>
  milliseconds < 1000 ? `${milliseconds.toPrecision(3)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
