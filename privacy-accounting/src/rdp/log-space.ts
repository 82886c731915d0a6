/** ln(1 + e^x), accurate for every x. */
export function log1pExp(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/** ln(1 − e^x) for x < 0: accurate next to 0 and far from it. */
export function log1mExp(x: number): number {
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

/** ln sinh(x) for x > 0, which neither overflows nor cancels. */
export function logSinh(x: number): number {
  return x < 20 ? Math.log(Math.sinh(x)) : x - Math.LN2 + Math.log1p(-Math.exp(-2 * x));
}

/** A sum of e^{x} over logarithms x, kept relative to the largest so far. */
export class LogSum {
  #scale = Number.NEGATIVE_INFINITY;
  #sum = 0;

  add(x: number): void {
    if (x === Number.NEGATIVE_INFINITY) return;
    if (x > this.#scale) {
      this.#sum = this.#sum * Math.exp(this.#scale - x) + 1;
      this.#scale = x;
    } else {
      this.#sum += x === this.#scale ? 1 : Math.exp(x - this.#scale);
    }
  }

  /** ln of the sum; −∞ of nothing. */
  get value(): number {
    return this.#sum === 0 ? Number.NEGATIVE_INFINITY : this.#scale + Math.log(this.#sum);
  }
}
