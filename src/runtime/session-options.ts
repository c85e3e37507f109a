import type { InferenceSession } from 'onnxruntime-node';
import type { SessionSettings } from '../benchmark/launcher.ts';

/**
 * What never varies between sessions, since it changes results or noise: the optimisation level changes outputs by up
 * to 6 % on quantised models, spinning threads make times far noisier.
 */
export const PINNED_SESSION = {
  graphOptimizationLevel: 'all',
  executionMode: 'sequential',
  interOpNumThreads: 1,
  allowSpinning: false,
} as const;

/** The runtime's options for the given settings. Names are checked elsewhere: the runtime ignores unknown ones. */
export function sessionOptionsOf(settings: SessionSettings): InferenceSession.SessionOptions {
  return {
    executionProviders: [settings.provider],
    graphOptimizationLevel: settings.optimization ?? PINNED_SESSION.graphOptimizationLevel,
    executionMode: PINNED_SESSION.executionMode,
    intraOpNumThreads: settings.threads,
    interOpNumThreads: PINNED_SESSION.interOpNumThreads,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  };
}
