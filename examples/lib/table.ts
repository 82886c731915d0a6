import Table from 'cli-table3';
import type { EpsilonBound } from 'tfjs-privacy';
import type { AttackResult } from 'tfjs-privacy/audit';
import type { Attacked, Pair } from './mnist-report.js';

/** Rows under a head, as a table for stdout. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** 0.9512 → "95.12 %". */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** ε with its δ and relation. An upper bound is rounded up, or it would claim too much. */
export function bound(epsilon: EpsilonBound | undefined): string {
  if (epsilon === undefined) return '∞ (not private)';
  const value = Number.isFinite(epsilon.epsilon)
    ? (Math.ceil(epsilon.epsilon * 1000) / 1000).toFixed(3)
    : '∞';
  return `${value} (δ = ${epsilon.delta.toExponential()}, ${epsilon.relation})`;
}

/** What each classifier reached, what it promises, and how long it took. */
export function resultTable(pairs: readonly Pair[]): string {
  return tableOf(
    ['classifier', 'trained on', 'test accuracy', 'ε (δ, relation)', 'seconds'],
    pairs.flatMap((pair) =>
      [pair.plain, pair.private].map((trained) => [
        trained.fit === undefined ? 'without privacy' : 'with DP-SGD',
        `${trained.examples.toLocaleString('en-US')} digits`,
        percent(trained.accuracy),
        bound(trained.fit?.privacy.epsilon),
        trained.seconds.toFixed(1),
      ]),
    ),
  );
}

/** What the attacks found on both models, each rate with its 95 % interval. */
export function attackTable({ plain, private: protectedOne }: Attacked): string {
  const rows = [plain, protectedOne].flatMap((audit) =>
    audit.attacks.map((attack) => [
      audit === plain ? 'without privacy' : 'with DP-SGD',
      attack.on === 'canaries' ? 'mislabelled canaries' : 'ordinary digits',
      aucText(attack),
      ...attack.points.map(pointText),
    ]),
  );
  const rates = plain.attacks[0]?.points.map(({ targetFpr }) => `TPR at ${percent(targetFpr, 1)} FPR`) ?? [];
  return tableOf(['attacked classifier', 'attack on', 'AUC', ...rates], rows);
}

function aucText({ auc: { exact } }: AttackResult): string {
  return `${exact.value.toFixed(3)} [${exact.lower.toFixed(3)}, ${exact.upper.toFixed(3)}]`;
}

/** TPR with its interval, and the false-positive rate that the threshold really had. */
function pointText(point: AttackResult['points'][number]): string {
  if (!point.resolvable) return 'too few non-members';
  const { tpr, realisedFpr } = point;
  return (
    `${percent(tpr.value, 1)} [${percent(tpr.lower, 1)}, ${percent(tpr.upper, 1)}]\n` +
    `realised FPR ${percent(realisedFpr.value)}`
  );
}
