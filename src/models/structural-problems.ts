import type * as tfl from '@tensorflow/tfjs-layers';
import { readsOnlyVariables } from '../engine/index.js';
import { isModel, type LayerSite, layersInside, layersOf } from './layer-tree.js';
import { type ModelProblem, problemOf } from './model-problem.js';

type Layer = tfl.layers.Layer;

/** What layers say of themselves, beyond what tfjs-layers declares. */
interface Traits {
  readonly stateful?: boolean;
  readonly seed?: unknown;
  readonly randomGenerator?: { readonly seed?: unknown };
  readonly activityRegularizer?: unknown;
}

/** A seed that fixes what a layer draws. The seeds of initialisers are no layer's own. */
export function seedOf(layer: Layer): number | undefined {
  const { seed, randomGenerator } = layer as unknown as Traits;
  const fixed = seed ?? randomGenerator?.seed;
  return typeof fixed === 'number' ? fixed : undefined;
}

/** What can be read off the layers without running them. */
export function structuralProblems(model: tfl.LayersModel): Map<Layer, ModelProblem[]> {
  const found = new Map<Layer, ModelProblem[]>();
  const sites = layersOf(model);
  for (const site of sites) {
    const problems = problemsOf(site, sites);
    if (problems.length > 0) found.set(site.layer, problems);
  }
  return found;
}

function problemsOf({ layer, path, wrapped }: LayerSite, sites: readonly LayerSite[]): ModelProblem[] {
  const className = layer.getClassName();
  const site = { path, className };
  const traits = layer as unknown as Traits;
  const problems: ModelProblem[] = [];
  if (className === 'BatchNormalization') {
    const why =
      'It normalises with statistics of the batch, so that each example changes the others, and its moving averages ' +
      'publish data without noise. Frozen, it does both all the same.';
    problems.push(problemOf(site, 'batch-normalization', why));
  }
  // Models and wrappers are stateful through what they hold, which is named instead.
  const speaksForItself = !isModel(layer) && !heldByStateful(path, sites);
  if (traits.stateful === true && speaksForItself) {
    const why =
      "Its state at the end of one batch is the start of the next: examples reach other batches' losses.";
    problems.push(problemOf(site, 'stateful', why));
  }
  const seed = seedOf(layer);
  if (seed !== undefined) {
    const why =
      `It draws the same numbers for a place in the batch at every step (seed ${seed}), so that who leaves the batch ` +
      'decides who gets which.';
    problems.push(problemOf(site, 'fixed-seed', why));
  }
  // Wrappers call what they hold in a way that skips the regulariser: it does nothing there.
  if (traits.activityRegularizer != null && !wrapped) {
    const why =
      'Its penalty is a loss term that depends on the data, and TensorFlow.js does not run it either.';
    problems.push(problemOf(site, 'activity-regularizer', why));
  }
  if (layersInside(layer).length === 0 && layer.losses.some((loss) => !readsOnlyVariables(loss))) {
    const why = 'It adds a loss term that reads a tensor other than weights. Such terms are not clipped.';
    problems.push(problemOf(site, 'loss-reads-data', why));
  }
  return problems;
}

function heldByStateful(path: string, sites: readonly LayerSite[]): boolean {
  const holder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  return sites.some(
    (site) =>
      site.path === holder && !isModel(site.layer) && (site.layer as unknown as Traits).stateful === true,
  );
}
