import { intAttribute, type MacRule, productOf } from './mac-count.ts';

/**
 * Attention: scores are queries times keys, contexts are scores times values, so batch x queries x keys x (query width +
 * value width over all heads). Masks, softmax and rotary embeddings are not counted; neither is what a causal mask
 * could leave out.
 */
function scoresAndContexts(
  batch: number,
  queries: number,
  keys: number,
  queryWidth: number,
  valueWidth: number,
): number {
  return batch * queries * keys * (queryWidth + valueWidth);
}

/** ai.onnx Attention: Q, K and V are [batch, heads, steps, size] or [batch, steps, heads x size]. */
export const onnxAttention: MacRule = ({ node, inputs: [query, key, value, , pastKey] }) => {
  if (!query || !key || !value) return null;
  const past = pastKey?.[2] ?? 0;
  if (query.length === 4) {
    const [batch = 0, heads = 0, queries = 0, size = 0] = query;
    const keys = (key[2] ?? 0) + past;
    return scoresAndContexts(batch, queries, keys, heads * size, heads * (value[3] ?? 0));
  }
  const [batch = 0, queries = 0, width = 0] = query;
  const heads = intAttribute(node, 'q_num_heads', 0);
  const valueHeads = intAttribute(node, 'kv_num_heads', heads);
  if (heads === 0 || valueHeads === 0) return null;
  const keys = (key[1] ?? 0) + past;
  return scoresAndContexts(batch, queries, keys, width, (heads * (value[2] ?? 0)) / valueHeads);
};

/** com.microsoft Attention and QAttention: the product with the packed weights [width, Q + K + V] is part of it. */
export const packedAttention: MacRule = ({ node, inputs, outputs }) => {
  const [input, weights] = inputs;
  const output = outputs[0];
  const projected = weights?.[1];
  if (!input || projected === undefined || !output) return null;
  const [batch = 0, steps = 0, width = 0] = input;
  const valueWidth = output[2] ?? 0;
  // Q and K have the same width; what the projection has beside V is theirs.
  const queryWidth = (projected - valueWidth) / 2;
  // past is [2, batch, heads, steps, size]: the fifth input, or the ninth of the quantised form.
  const past = inputs[node.opType === 'QAttention' ? 8 : 4]?.[3] ?? 0;
  return (
    productOf([batch, steps, width, projected]) +
    scoresAndContexts(batch, steps, steps + past, queryWidth, valueWidth)
  );
};

/** com.microsoft MultiHeadAttention: already projected; keys may be packed with queries or values. */
export const multiHeadAttention: MacRule = ({ node, inputs, outputs }) => {
  const [query, key, value] = inputs;
  const output = outputs[0];
  if (!query || !output) return null;
  const [batch = 0, queries = 0] = query;
  const past = inputs[node.opType === 'DecoderMaskedMultiHeadAttention' ? 5 : 6]?.[2] ?? 0;
  const valueWidth = output[2] ?? 0;
  if (query.length === 5) {
    const queryWidth = (query[2] ?? 0) * (query[4] ?? 0);
    return scoresAndContexts(batch, queries, queries + past, queryWidth, valueWidth);
  }
  if (!key) return null;
  // [batch, steps, width], [batch, steps, heads, 2, size] packed with V, or [batch, heads, steps, size] of cross attention.
  const keys = key.length === 4 ? (key[2] ?? 0) : (key[1] ?? 0);
  return value || key.length === 5
    ? scoresAndContexts(batch, queries, keys + past, query[2] ?? 0, valueWidth)
    : null;
};

/** com.microsoft GroupQueryAttention: fewer heads of keys than of queries; the output has the width of the queries. */
export const groupQueryAttention: MacRule = ({ inputs, outputs }) => {
  const [query, key] = inputs;
  const [output, presentKey] = outputs;
  if (!query || !output) return null;
  const [batch = 0, queries = 0, width = 0] = output;
  // [batch, heads, steps, size], with what was there before.
  const keys = presentKey?.[2] ?? (key?.[1] ?? queries) + (inputs[3]?.[2] ?? 0);
  return scoresAndContexts(batch, queries, keys, width, width);
};
