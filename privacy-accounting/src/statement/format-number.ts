/** 14063 → `14,063`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** So many significant digits, without an exponent where that is shorter to read. */
export function formatNumber(value: number, digits = 6): string {
  const short = Number(value.toPrecision(digits));
  const magnitude = Math.abs(short);
  return magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e6) ? short.toExponential() : String(short);
}

/** Four significant digits, never below the value. */
export function formatUp(value: number): string {
  if (value === 0) return '0';
  const unit = 10 ** (Math.floor(Math.log10(value)) - 3);
  const rounded = Number((Math.ceil((value / unit) * (1 - 1e-13)) * unit).toPrecision(4));
  return formatNumber(rounded < value ? Number((rounded + unit).toPrecision(4)) : rounded, 4);
}
