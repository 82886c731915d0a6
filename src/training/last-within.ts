/** The largest count below `above` for which `within` holds; `within` holds up to some count and not beyond. */
export function lastWithin(above: number, within: (count: number) => boolean): number {
  let low = 0;
  let high = above;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (within(middle)) low = middle;
    else high = middle;
  }
  return low;
}
