/*
 * How each family of golden values is answered by the package: one table of functions from a case's parameters to its
 * answers, by subject in golden-families/. None sees the expected values; some see their names, where those are the
 * question. A family that is in no table is skipped.
 */
import { ATTACK_FAMILIES } from './golden-families/attacks.js';
import { BATCH_FAMILIES } from './golden-families/batches.js';
import { CALIBRATION_FAMILIES } from './golden-families/calibration.js';
import { COMPOSITION_FAMILIES } from './golden-families/composition.js';
import { GAUSSIAN_FAMILIES } from './golden-families/gaussian.js';
import { MATRIX_FAMILIES } from './golden-families/matrix.js';
import { type Answers, type Family, Params } from './golden-families/params.js';
import { PLD_FAMILIES } from './golden-families/pld.js';
import { RDP_FAMILIES } from './golden-families/rdp.js';

/** How each family that this package answers is computed. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  ...RDP_FAMILIES,
  ...GAUSSIAN_FAMILIES,
  ...PLD_FAMILIES,
  ...COMPOSITION_FAMILIES,
  ...MATRIX_FAMILIES,
  ...BATCH_FAMILIES,
  ...CALIBRATION_FAMILIES,
  ...ATTACK_FAMILIES,
};

/** The answers to a case; undefined for a family, or a kind within one, that is not answered. */
export function answer(
  family: string,
  params: Readonly<Record<string, unknown>>,
  asked: Readonly<Record<string, unknown>> = {},
): Answers | undefined {
  return Object.hasOwn(FAMILIES, family) ? FAMILIES[family]!(new Params(params, asked)) : undefined;
}
