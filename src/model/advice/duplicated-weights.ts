import type { TensorInfo } from '../model.ts';
import { hashTensor } from '../tensor-payload.ts';
import { type AdviceRule, countOf, formatSize, listNames } from './advice.ts';

/** Smaller ones are not worth a word. */
const SMALLEST_BYTES = 1024;

/** Weights that are stored more than once. The runtime shares scalars only. */
export const duplicatedWeights: AdviceRule = ({ model, payloads }) => {
  const candidates = Map.groupBy(
    model.graph.initializers.filter(({ sizeBytes }) => sizeBytes >= SMALLEST_BYTES),
    ({ dtype, dims }) => `${dtype}[${dims.join()}]`,
  );
  let wastedBytes = 0;
  const copies: string[] = [];
  for (const group of candidates.values()) {
    if (group.length < 2) continue;
    const originals = new Map<string, TensorInfo>();
    for (const tensor of group) {
      const digest = hashTensor(payloads, tensor);
      if (digest === null) continue;
      const original = originals.get(digest);
      // Two names for the same bytes of an external file cost nothing on disk.
      if (original !== undefined && !isSamePlace(original, tensor)) {
        wastedBytes += tensor.sizeBytes;
        copies.push(`${tensor.name} = ${original.name}`);
      } else originals.set(digest, tensor);
    }
  }
  if (copies.length === 0) return null;
  return {
    code: 'ADVICE_DUPLICATED_WEIGHTS',
    title: 'Store equal weights once and let all nodes use the one.',
    evidence: `${countOf(copies.length, 'weight')} equal another byte for byte: ${listNames(copies)}.`,
    gain: `${formatSize(wastedBytes)} of file and memory`,
  };
};

function isSamePlace({ payload: one }: TensorInfo, { payload: other }: TensorInfo): boolean {
  return (
    one.kind === 'external' &&
    other.kind === 'external' &&
    one.location === other.location &&
    one.offset === other.offset
  );
}
