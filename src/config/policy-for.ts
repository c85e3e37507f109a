import type { AcceptEntry, Config, ModelConfig, Policy } from './config.ts';

/** The rules that a model is held against, and which commit they come from. */
export interface EffectiveRules {
  readonly policy: Policy;
  /** The same as `policy.contract.accept`. */
  readonly accept: readonly AcceptEntry[];
  readonly source: 'base' | 'head';
}

/**
 * The rules for one model. They come from the base commit, so that a change cannot relax the rules it is held against:
 * from the model of the same name or path there, or from the base's defaults where it discovered its models and had
 * this file. The head's rules count for a model that the base does not know, and where there is no base.
 *
 * @param base the base commit's configuration (`defaultConfig()` where it had no file), or null: there is no base
 * @param model the model as the head's configuration has it
 * @param basePath where the model's file was in the base commit (elsewhere, if it moved), or null: it is new
 */
export function effectiveRules({
  base,
  model,
  basePath,
}: {
  readonly base: Config | null;
  readonly model: ModelConfig;
  readonly basePath: string | null;
}): EffectiveRules {
  const known = base?.models?.find(({ path }) => path === basePath || path === model.path);
  const named = known ?? base?.models?.find(({ name }) => name === model.name);
  if (named !== undefined) return rules(named.policy, 'base');
  if (base !== null && base.models === null && basePath !== null) return rules(base.defaults.policy, 'base');
  return rules(model.policy, 'head');
}

function rules(policy: Policy, source: EffectiveRules['source']): EffectiveRules {
  return { policy, accept: policy.contract.accept, source };
}
