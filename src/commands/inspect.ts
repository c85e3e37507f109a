import { inspectModel } from '../model/model-inspection.ts';
import { renderInspection } from '../report/inspection-text.ts';
import type { CommandResult } from './command-result.ts';

/** `inspect MODEL`: what is in a model file. @throws QuickServeError where it cannot be read. */
export async function inspectCommand(options: {
  readonly model: string;
  readonly sha256: boolean;
}): Promise<CommandResult> {
  const inspection = await inspectModel(options.model, { sha256: options.sha256 });
  return { document: inspection, text: renderInspection(inspection), exitCode: 0 };
}
