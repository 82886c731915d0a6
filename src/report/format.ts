/**
 * Numbers for people. A bound is rounded to its safe side: what is printed as "at most" is at least the bound,
 * what is printed as "at least" is at most the bound.
 */
export type Rounding = 'up' | 'down' | 'nearest';

const UNBREAKABLE = '\u00a0';
/** An en dash that no line breaks at. */
export const RANGE = '\u2060–\u2060';
// Products such as 0.29·100 land a hair off the integer that was meant.
const HAIR = 1e-9;

/** `value` ∈ [0, 1] as a percentage with `digits` decimals. */
export function percent(value: number, rounding: Rounding = 'nearest', digits = 1): string {
  return `${round(value * 100, digits, rounding).toFixed(digits)}${UNBREAKABLE}%`;
}

/** An interval of shares: limits rounded outward. */
export function percentInterval(
  { lower, upper }: { readonly lower: number; readonly upper: number },
  digits = 1,
): string {
  const low = round(lower * 100, digits, 'down').toFixed(digits);
  const high = round(upper * 100, digits, 'up').toFixed(digits);
  return `${low}${RANGE}${high}${UNBREAKABLE}%`;
}

/** A ceiling: rounded up, with as many decimals as it takes not to read 100 % when it is less. */
export function ceilingPercent(value: number): string {
  for (let digits = 1; digits <= 6; digits++) {
    const text = percent(value, 'up', digits);
    if (!text.startsWith('100')) return text;
  }
  return `100${UNBREAKABLE}%`;
}

/** A false-positive rate as it was asked for: 0.001 → "0.1 %", without rounding it to something else. */
export function rate(value: number): string {
  return `${Number((value * 100).toPrecision(6))}${UNBREAKABLE}%`;
}

/** A number with `digits` decimals. */
export function decimal(value: number, rounding: Rounding = 'nearest', digits = 2): string {
  return round(value, digits, rounding).toFixed(digits);
}

/** ε to three significant digits, upper bounds up, lower bounds down; ∞ for no bound. */
export function epsilonText(epsilon: number, rounding: 'up' | 'down' = 'up'): string {
  if (epsilon === Number.POSITIVE_INFINITY) return '∞';
  if (epsilon === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(epsilon)));
  return decimal(epsilon, rounding, Math.min(digits, 6));
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** δ: powers of ten as 10⁻⁵, anything else in full, never rounded. */
export function deltaText(delta: number): string {
  const text = delta.toExponential();
  const power = /^1e-(\d+)$/.exec(text)?.[1];
  if (power === undefined) return String(delta);
  return `10⁻${[...power].map((digit) => SUPERSCRIPTS[Number(digit)]).join('')}`;
}

/** 75 → "1 min 15 s". */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)}${UNBREAKABLE}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}${UNBREAKABLE}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${UNBREAKABLE}min ${whole % 60}${UNBREAKABLE}s`;
  return `${Math.floor(whole / 3600)}${UNBREAKABLE}h ${Math.floor((whole % 3600) / 60)}${UNBREAKABLE}min`;
}

/** 60000 → "60,000". */
export function integer(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** An ISO date as "6 May 2026, 14:03 UTC"; anything else as it is. */
export function dateText(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const day = date.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`;
}

function round(value: number, digits: number, rounding: Rounding): number {
  const scale = 10 ** digits;
  const scaled = value * scale;
  if (rounding === 'nearest') return Math.round(scaled) / scale;
  return (rounding === 'up' ? Math.ceil(scaled - HAIR) : Math.floor(scaled + HAIR)) / scale;
}
