import type { Model } from '../model.ts';
import { openPayloads } from '../tensor-payload.ts';
import type { Advice, AdviceInput, AdviceRule } from './advice.ts';
import { castChain } from './cast-chain.ts';
import { constantSubgraph } from './constant-subgraph.ts';
import { doublePrecision } from './double-precision.ts';
import { duplicatedWeights } from './duplicated-weights.ts';
import { dynamicShapes } from './dynamic-shapes.ts';
import { oldOpset } from './old-opset.ts';
import { quantisableWeights } from './quantisable-weights.ts';
import { transposeChain } from './transpose-chain.ts';
import { unfusedBatchNorm } from './unfused-batch-norm.ts';
import { unusedOutputs } from './unused-outputs.ts';
import { unusedWeights } from './unused-weights.ts';

const RULES: readonly AdviceRule[] = [
  constantSubgraph,
  unfusedBatchNorm,
  transposeChain,
  castChain,
  dynamicShapes,
  unusedOutputs,
  doublePrecision,
  quantisableWeights,
  duplicatedWeights,
  unusedWeights,
  oldOpset,
];

/**
 * What could be better about a model. Without the optimised graph, the rules that need it stay silent, so that nothing
 * is advised which the runtime does by itself. Reads the weights that may be duplicates.
 * @throws QuickServeError FILE_UNREADABLE.
 */
export function advise(model: Model, seen: Pick<AdviceInput, 'optimised' | 'profile'>): readonly Advice[] {
  const payloads = openPayloads(model);
  try {
    return RULES.flatMap(rule => rule({ model, payloads, ...seen }) ?? []);
  } finally {
    payloads.close();
  }
}
