/**
 * The positive half of the Gauss–Legendre rule of order 10: ∫ f over [−1, 1] ≈ Σ weight·(f(node) + f(−node)), as
 * [node, weight]. Exact for polynomials up to degree 19; over a width of h the error of a smooth f falls as h²¹.
 *
 * Source: DLMF 3.5(v), Table 3.5.2.
 */
export const GAUSS_LEGENDRE: readonly (readonly [node: number, weight: number])[] = [
  [0.14887433898163122, 0.29552422471475287],
  [0.4333953941292472, 0.26926671930999635],
  [0.6794095682990244, 0.21908636251598204],
  [0.8650633666889845, 0.1494513491505806],
  [0.9739065285171717, 0.06667134430868814],
];
