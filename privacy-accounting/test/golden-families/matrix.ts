import {
  bandedSensitivity,
  bltSensitivity,
  gaussian,
  gaussianEpsilon,
  toeplitzSensitivity,
  treeNoRestartSquare,
  treeRestartSquare,
} from 'privacy-accounting';
import type { Answers, Family, Params } from './params.js';

const squared = (sensitivity: number): Answers => ({ sensitivity, sensitivity_squared: sensitivity ** 2 });

function participation(p: Params) {
  return {
    minSeparation: p.number('min_sep', 1),
    ...(p.has('max_participations') ? { maxParticipations: p.number('max_participations') } : {}),
  };
}

/** A run that is one Gaussian of squared sensitivity `square`. */
function treeAnswers(p: Params, square: number): Answers {
  const { noiseMultiplier: sigma } = gaussian({ noiseMultiplier: p.number('sigma') });
  return {
    sum_sensitivity_square: square,
    zcdp_rho: square / (2 * sigma * sigma),
    epsilon: gaussianEpsilon({ mu: Math.sqrt(square) / sigma, delta: p.number('delta') }),
  };
}

/** Sensitivities of matrix mechanisms, and tree aggregation. */
export const MATRIX_FAMILIES: Readonly<Record<string, Family>> = {
  dpftrl_tree_restart: (p) => treeAnswers(p, treeRestartSquare(p.numbers('steps_per_epoch'))),
  // There a separation counts the steps between two participations.
  dpftrl_tree_no_restart: (p) =>
    treeAnswers(
      p,
      treeNoRestartSquare({
        totalSteps: p.number('total_steps'),
        maxParticipations: p.number('max_participation'),
        minSeparation: p.number('min_separation') + 1,
      }),
    ),
  mf_sensitivity: (p) => {
    switch (p.text('kind', '')) {
      case 'banded':
        return squared(bandedSensitivity({ gramDiagonal: p.numbers('gram_diag'), ...participation(p) }));
      case 'toeplitz_minsep':
        return squared(
          toeplitzSensitivity({
            coefficients: p.numbers('coef'),
            steps: p.number('n'),
            ...participation(p),
          }),
        );
      case 'lambda_cgd': {
        const [lambda, steps] = [p.number('lam'), p.number('n')];
        const blt = { bufferDecay: [lambda], outputScale: [lambda], steps };
        return squared(bltSensitivity({ ...blt, ...participation(p) }));
      }
      default:
        return undefined;
    }
  },
};
