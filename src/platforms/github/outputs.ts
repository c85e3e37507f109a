import type { Annotation } from '../../report/annotations.ts';
import { JOB_SUMMARY_BYTES } from '../../report/host-limits.ts';
import { messageOf } from '../../shared/errors.ts';

/** GitHub shows this many annotations of a severity a step. */
const ANNOTATIONS_MAX = 10;

export type SummaryOutcome =
  | { readonly kind: 'written' }
  | { readonly kind: 'not-written'; readonly reason: string };

/** Adds markdown to the summary of the step (GITHUB_STEP_SUMMARY). Never throws: a summary is no reason for a job to fail. */
export async function writeJobSummary(markdown: string): Promise<SummaryOutcome> {
  const bytes = Buffer.byteLength(markdown);
  if (bytes > JOB_SUMMARY_BYTES)
    return {
      kind: 'not-written',
      reason: `the summary has ${bytes} bytes; GitHub takes ${JOB_SUMMARY_BYTES}`,
    };
  const core = await import('@actions/core');
  try {
    await core.summary.addRaw(markdown, true).write();
    return { kind: 'written' };
  } catch (thrown) {
    return { kind: 'not-written', reason: messageOf(thrown) };
  } finally {
    core.summary.emptyBuffer();
  }
}

/** Shows annotations on the files of the change, as workflow commands on stdout; at most 10 of each severity. */
export async function writeAnnotations(annotations: readonly Annotation[]): Promise<void> {
  const core = await import('@actions/core');
  const shown = { error: 0, warning: 0, notice: 0 };
  for (const { severity, path, title, message } of annotations) {
    shown[severity] += 1;
    if (shown[severity] > ANNOTATIONS_MAX) continue;
    const properties = path === null ? { title } : { title, file: path };
    core[severity](message, properties);
  }
}

/** Sets the outputs of the step (GITHUB_OUTPUT). */
export async function writeOutputs(outputs: Readonly<Record<string, string>>): Promise<void> {
  const core = await import('@actions/core');
  for (const [name, value] of Object.entries(outputs)) core.setOutput(name, value);
}
