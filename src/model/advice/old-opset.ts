import { opsetsByDomain } from '../model-interface.ts';
import type { AdviceRule } from './advice.ts';

/** Below: no quantisation per channel (13), so that tools for quantisation refuse or lose accuracy. */
const OLDEST = 13;

/** An opset for which the tools that come after the export do less. */
export const oldOpset: AdviceRule = ({ model }) => {
  const version = opsetsByDomain(model.opsets)['ai.onnx'];
  if (version === undefined || version >= OLDEST || model.graph.nodes.length === 0) return null;
  return {
    code: 'ADVICE_OLD_OPSET',
    title: `Export with opset ${OLDEST} or newer.`,
    evidence: `The model uses opset ${version} of ONNX.`,
    gain: 'quantisation per channel and newer fusions become possible; results stay the same',
  };
};
