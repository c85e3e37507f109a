import type { ModelProfile, ProfiledLayer } from '../layers/model-profile.ts';
import type { Model, Node } from '../model.ts';
import type { PayloadReader } from '../tensor-payload.ts';

/** What could be better about a model, with its reason and what it would bring. */
export interface Advice {
  readonly code: string;
  /** What to do, in one line. */
  readonly title: string;
  /** What was seen: names and numbers. */
  readonly evidence: string;
  /** What it would bring, as far as it can be said without doing it. */
  readonly gain: string;
}

/** What the rules look at. */
export interface AdviceInput {
  readonly model: Model;
  readonly payloads: PayloadReader;
  /** The graph that the runtime makes of the model; null where it was not asked. What it mends itself is not in it. */
  readonly optimised: Model | null;
  readonly profile: ModelProfile | null;
}

/** One rule: one thing to look for. null where there is nothing to say. */
export type AdviceRule = (input: AdviceInput) => Advice | null;

/** `3 nodes`, `1 node`. */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The first few names, and how many more there are. */
export function listNames(names: readonly string[], listed = 3): string {
  const shown = names.slice(0, listed).map(name => (name === '' ? '(no name)' : name.slice(0, 60)));
  const rest = names.length - shown.length;
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1e3) return `${sizeBytes} B`;
  if (sizeBytes < 1e6) return `${(sizeBytes / 1e3).toFixed(1)} kB`;
  if (sizeBytes < 1e9) return `${(sizeBytes / 1e6).toFixed(1)} MB`;
  return `${(sizeBytes / 1e9).toFixed(2)} GB`;
}

/** The layers that ran for some nodes of the optimised graph. */
export function layersOf(nodes: readonly Node[], profile: ModelProfile | null): readonly ProfiledLayer[] {
  if (profile === null) return [];
  const names = new Set(nodes.map(({ name }) => name).filter(name => name !== ''));
  return profile.layers.filter(({ name }) => names.has(name));
}

/** `at most 12 % of the run time`, from the time that the nodes took; in words where it was not measured. */
export function timeGain(nodes: readonly Node[], profile: ModelProfile | null, unmeasured: string): string {
  const share = layersOf(nodes, profile).reduce((total, { timeShare }) => total + timeShare, 0);
  if (profile === null || share === 0) return unmeasured;
  return share < 0.001
    ? 'under 0.1 % of the run time'
    : `at most ${(share * 100).toFixed(1)} % of the run time`;
}
