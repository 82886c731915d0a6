import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { DpError } from 'privacy-accounting';
import { inspectLoss, PerExampleEngine } from '../engine/index.js';
import {
  type DryRun,
  disposeCalls,
  disposeCellMasks,
  dryRun,
  meanSquares,
  randomInputs,
  requireInputs,
} from './dry-run.js';
import { isModel, type LayerSite, layersOf } from './layer-tree.js';
import { codeOf, type ModelProblem, type ModelProblemCode, messageOf, problemOf } from './model-problem.js';
import { structuralProblems } from './structural-problems.js';

type Layer = tfl.layers.Layer;

/** Options of {@link validateModel}. */
export interface ValidateModelOptions {
  /** Public example inputs, the batch first; made-up ones unless given. */
  readonly inputs?: readonly tf.Tensor[];
}

/**
 * Lists what keeps a model from private training, and what makes it slow: an empty list for a model that trains by
 * exact rules alone.
 *
 * The layers are looked at, also inside models and wrappers, and the model is run on made-up inputs, on which the
 * engine proves that examples stay apart, checks its gradients and looks for weights without a rule. No data are
 * needed, and none are read. What is refused here is refused by `privateFit` at the first step, and the other way
 * round; what depends on values (a layer that mixes examples for some inputs only) or on the loss is not seen here.
 * The model is left as it was, and no tensor is left behind.
 *
 * @example
 * for (const { layer, why, whatToDo } of validateModel(model)) console.log(`${layer}: ${why} ${whatToDo}`);
 */
export function validateModel(
  model: tfl.LayersModel,
  options: ValidateModelOptions = {},
): readonly ModelProblem[] {
  requireModel(model);
  if (options.inputs !== undefined) requireInputs(model, options.inputs);
  const sites = layersOf(model);
  const structural = structuralProblems(model);
  const problems = [...structural.values()].flat();
  const whole = { path: model.name, className: model.getClassName() };
  if (model.trainableWeights.length === 0) {
    problems.push(problemOf(whole, 'no-trainable-weights', 'All of its weights are frozen, or it has none.'));
  }
  // Neither runs in TensorFlow.js.
  if (problems.some(({ problem }) => problem === 'activity-regularizer')) return problems;
  const restore = rememberWeights(model);
  tf.tidy(() => {
    try {
      problems.push(...operationalProblems(model, options.inputs, sites, structural));
    } finally {
      for (const { layer } of sites) disposeCellMasks(layer as object);
      restore();
    }
  });
  return problems;
}

/** What running the model shows. */
function operationalProblems(
  model: tfl.LayersModel,
  given: readonly tf.Tensor[] | undefined,
  sites: readonly LayerSite[],
  structural: ReadonlyMap<Layer, readonly ModelProblem[]>,
): ModelProblem[] {
  const skipped = layersWithState(sites, structural);
  let run: DryRun = { calls: [] };
  let inputs: readonly tf.Tensor[] = [];
  for (inputs of given === undefined ? randomInputs(model, sites) : [given]) {
    disposeCalls(run.calls);
    run = dryRun(model, inputs, sites, skipped);
    if (run.failure === undefined) break;
  }
  try {
    if (run.failure !== undefined) {
      const { site, error } = run.failure;
      const shapes = inputs.map(({ shape }) => `[${shape}]`).join(', ');
      const why = `It does not run on inputs of shape ${shapes}: ${messageOf(error)}`;
      return [problemOf(describe(model, site), 'cannot-run', why)];
    }
    if (skipped.size > 0) return byLayer(run, skipped);
    const found = asAWhole(model, inputs, sites);
    if (!found.some(({ severity }) => severity === 'refused')) return found;
    const named = byLayer(run, skipped).filter(({ severity }) => severity === 'refused');
    // A problem that no layer shows alone lies between them.
    const rest = found.filter(({ problem }) => !named.some((other) => other.problem === problem));
    return [...named, ...rest];
  } finally {
    disposeCalls(run.calls);
  }
}

/** The layers, or what holds them where TensorFlow.js applies that, which would change when they run. */
function layersWithState(
  sites: readonly LayerSite[],
  structural: ReadonlyMap<Layer, readonly ModelProblem[]>,
): Set<Layer> {
  const keeps: readonly ModelProblemCode[] = ['batch-normalization', 'stateful'];
  const paths = sites
    .filter(({ layer }) => structural.get(layer)?.some(({ problem }) => keeps.includes(problem)))
    .map(({ path }) => path);
  return new Set(
    sites
      .filter(({ layer, path, wrapped }) => {
        const holds = paths.some((other) => other === path || other.startsWith(`${path}/`));
        return holds && !wrapped && !isModel(layer);
      })
      .map(({ layer }) => layer),
  );
}

/** Isolation, rules and self-check of the whole model, as in the first step of training. */
function asAWhole(
  model: tfl.LayersModel,
  inputs: readonly tf.Tensor[],
  sites: readonly LayerSite[],
): ModelProblem[] {
  const loss = () => meanSquares(model.apply([...inputs], { training: true }) as tf.Tensor | tf.Tensor[]);
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const problems: ModelProblem[] = [];
  const report = (list: readonly tf.Variable[], code: ModelProblemCode, what: string): void => {
    const bySite = new Map<LayerSite, string[]>();
    for (const { id, name } of list) {
      const site = sites.findLast(({ layer }) => layer.weights.some((weight) => weight.read().id === id));
      if (site !== undefined) bySite.set(site, [...(bySite.get(site) ?? []), name]);
    }
    for (const [site, names] of bySite) {
      problems.push(problemOf(describe(model, site), code, `${what}: '${names.join("', '")}'.`));
    }
  };
  try {
    const { masked, unreached } = inspectLoss(loss, variables);
    report(unreached, 'unreached-weight', 'No output depends on its trained weights');
    report(masked, 'masked-fallback', 'No rule serves the operation that reads its weights');
    const reached = variables.filter((variable) => !unreached.includes(variable));
    if (reached.length > 0) {
      const { sums, penalties, value } = new PerExampleEngine().clippedSum(loss, reached, { l2NormClip: 1 });
      tf.dispose([...sums, ...penalties.filter((penalty) => penalty !== null), value]);
    }
  } catch (error) {
    // Made-up numbers may overflow where data would not: that says nothing about the model.
    const numerical = error instanceof DpError && error.code === 'DP_NUMERICAL';
    if (!numerical) problems.push(problemOf(describe(model, undefined), codeOf(error), messageOf(error)));
  }
  return problems;
}

/** The same for each layer alone, on the inputs that it got: names the layer, and finds more than the first. */
function byLayer(run: DryRun, skipped: ReadonlySet<Layer>): ModelProblem[] {
  return run.calls.flatMap(({ site, inputs, kwargs }) => {
    const { layer, path } = site;
    if (skipped.has(layer)) return [];
    const where = { path, className: layer.getClassName() };
    const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
    try {
      const { masked } = inspectLoss(
        () => meanSquares(layer.apply([...inputs], { ...kwargs }) as tf.Tensor | tf.Tensor[]),
        variables,
        'inputDim' in layer ? [] : inputs.filter(({ dtype }) => dtype === 'float32'),
      );
      if (masked.length === 0) return [];
      const names = masked.map(({ name }) => name).join("', '");
      const why = `No rule serves the operation that reads its weights: '${names}'.`;
      return [problemOf(where, 'masked-fallback', why)];
    } catch (error) {
      return [problemOf(where, codeOf(error), messageOf(error))];
    }
  });
}

function describe(model: tfl.LayersModel, site: LayerSite | undefined): { path: string; className: string } {
  return site === undefined
    ? { path: model.name, className: model.getClassName() }
    : { path: site.path, className: site.layer.getClassName() };
}

/** Layers of one's own may write to their weights when they run: the returned function undoes that. */
function rememberWeights(model: tfl.LayersModel): () => void {
  const before = model.weights.map((weight) => {
    const variable = weight.read() as tf.Variable;
    return { variable, dataId: variable.dataId, value: tf.keep(tf.clone(variable)) };
  });
  return () => {
    for (const { variable, dataId, value } of before) {
      if (variable.dataId !== dataId) variable.assign(value as tf.Tensor);
      value.dispose();
    }
  };
}

function requireModel(model: unknown): void {
  const candidate = model as Partial<tfl.LayersModel> | null | undefined;
  if (Array.isArray(candidate?.layers) && Array.isArray(candidate.inputs) && candidate.inputs.length > 0)
    return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    'Expected a layers model with inputs (tfl.sequential, tfl.model, tfl.loadLayersModel), got ' +
      `${candidate === null ? 'null' : typeof candidate === 'object' ? 'another object' : typeof candidate}.`,
  );
}
