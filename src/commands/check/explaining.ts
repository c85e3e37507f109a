import type { ModelLayers, ModelReport } from '../../report/report.ts';
import { QuickServeError } from '../../shared/errors.ts';

/** Of a model's budget, beyond what it is measured in: the search for the layers that are slower. */
export const EXPLAINING_SHARE = 1 / 3;

/** A set of inputs with which a model is slower; its name is empty where there is only one. */
export interface SlowerWorkload {
  readonly name: string;
  readonly explain: (budgetMs: number) => Promise<ModelLayers>;
}

/**
 * Looks for the slower layers with each set of inputs in turn, and with the first in any case; what one leaves of the
 * budget goes to those after it. A verdict stands without its reason: some models run, but not under the profiler.
 * @param budgetMs for all of them together.
 */
export async function explainSlower(
  slower: readonly SlowerWorkload[],
  budgetMs: number,
): Promise<readonly ModelLayers[]> {
  const startMs = performance.now();
  const found: ModelLayers[] = [];
  for (const [index, { name, explain }] of slower.entries()) {
    const leftMs = budgetMs - (performance.now() - startMs);
    if (index > 0 && leftMs <= 0) break;
    try {
      const layers = await explain(leftMs / (slower.length - index));
      found.push(name === '' ? layers : { workload: name, ...layers });
    } catch (thrown) {
      if (!(thrown instanceof QuickServeError)) throw thrown;
    }
  }
  return found;
}

/** The profiles as a report has them. */
export function layerFields([layers, ...otherLayers]: readonly ModelLayers[]): Pick<
  ModelReport,
  'layers' | 'otherLayers'
> {
  if (layers === undefined) return {};
  return { layers, ...(otherLayers.length === 0 ? {} : { otherLayers }) };
}
