import { feedsFor } from '../../benchmark/feeds.ts';
import { measureRuntimeEffect, type RuntimeEffect } from '../../benchmark/runtime-effect.ts';
import { workloadsOf } from '../../benchmark/workload.ts';
import type { ModelConfig, Policy } from '../../config/config.ts';
import { interfaceOf } from '../../model/model-interface.ts';
import { formatDifference, formatPercent } from '../../report/format-values.ts';
import { createLauncher } from '../../runtime/launcher.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { Finding } from '../../shared/finding.ts';
import type { ReadableModel } from '../readable-model.ts';
import { givenInputs } from './given-inputs.ts';
import { type Bench, planFor } from './measuring.ts';

/** Half of a model's own budget: whether the model is slower is the first question. */
const BUDGET_SHARE = 0.5;

/**
 * What the change of the runtime alone does, as a finding. Slower is a warning unless the policy says otherwise: every
 * model of the change has it.
 */
export function describeRuntimeEffect(
  { latency, tolerance }: RuntimeEffect,
  versions: { readonly base: string; readonly candidate: string },
  gate: Policy['runtime'],
): Finding {
  const change = `onnxruntime ${versions.base} → ${versions.candidate}`;
  const found = latency.difference === null ? '' : ` ${formatDifference(latency.difference)}`;
  const how = 'The same bytes were measured under both, in processes of their own.';
  switch (latency.decision.kind) {
    case 'regressed':
      return {
        code: 'RUNTIME_SLOWER',
        severity: gate === 'hard' ? 'error' : gate === 'warn' ? 'warning' : 'info',
        message: `${change} makes this model slower by itself:${found}. ${how}`,
        hint: 'The metrics of the model compare both files under the new runtime, so they do not contain this.',
      };
    case 'improved':
      return {
        code: 'RUNTIME_FASTER',
        severity: 'info',
        message: `${change} makes this model faster by itself:${found}. ${how}`,
        hint: 'The metrics of the model compare both files under the new runtime, so they do not contain this.',
      };
    case 'unchanged':
      return {
        code: 'RUNTIME_UNCHANGED',
        severity: 'info',
        message: `${change} alone does not change the latency by more than ${formatPercent(tolerance)}. ${how}`,
        hint: 'Whatever the metrics show comes from the model.',
      };
    case 'inconclusive':
      return {
        code: 'RUNTIME_INCONCLUSIVE',
        severity: 'info',
        message: `What ${change} alone does to the latency was not decided: ${latency.decision.reason}`,
        hint: 'Check the change of the runtime alone, or with a larger budget.',
      };
  }
}

/** Where the base has another runtime: the base's bytes under both. Nothing where it has the same. */
export async function runtimeFindings(
  config: ModelConfig,
  policy: Policy,
  base: ReadableModel,
  bench: Bench,
  root: string,
): Promise<readonly Finding[]> {
  if (bench.baseRuntime === undefined) return [];
  const { world } = bench;
  const own = planFor(config, policy, bench);
  const plan = {
    ...own,
    budgetMs: BUDGET_SHARE * Math.min(own.budgetMs, bench.time?.leftMs() ?? own.budgetMs),
  };
  const { loadTimeoutMs, memoryLimitBytes } = bench.config.runtime;
  try {
    const runtimes = { base: await bench.baseRuntime(), candidate: await bench.runtime() };
    if (runtimes.base.packageFolder === runtimes.candidate.packageFolder) return [];
    const [workload] = workloadsOf(config);
    const wanted = interfaceOf(base.model);
    const given =
      workload === undefined ? null : await givenInputs(workload, wanted, { root, modelPath: config.path });
    const launcherOf = (side: 'base' | 'candidate') =>
      createLauncher({
        runtime: runtimes[side],
        workerPath: world.workerPath,
        limits: { timeMs: loadTimeoutMs, memoryBytes: memoryLimitBytes },
        environment: world.env,
        modelName: config.name,
      });
    const effect = await measureRuntimeEffect({
      plan,
      model: { path: base.file, feeds: feedsFor(wanted, plan, given) },
      base: launcherOf('base'),
      candidate: launcherOf('candidate'),
      now: () => performance.now(),
      onLaunch: (done, planned) =>
        world.progress.update(`${config.name}: both runtimes, launch ${done} of ${planned}`),
    });
    return [
      describeRuntimeEffect(
        effect,
        { base: runtimes.base.version, candidate: runtimes.candidate.version },
        policy.runtime,
      ),
    ];
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    return [
      {
        code: 'RUNTIME_INCONCLUSIVE',
        severity: 'info',
        message: `What the change of the runtime alone does could not be measured: ${thrown.message}`,
        hint: thrown.hint,
      },
    ];
  }
}
