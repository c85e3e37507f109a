import type { ErrorDetails } from '../shared/errors.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { Side, WorkerStage } from './worker-protocol.ts';

/** An error of a worker process that knows what it was doing: with which model, and whether it loaded or ran. */
export class ModelFailure extends QuickServeError {
  /** null where the process had not come to a model, or measured both. */
  readonly side: Side | null;
  readonly step: WorkerStage['step'];

  constructor(details: ErrorDetails, stage: WorkerStage) {
    super(details);
    this.name = 'ModelFailure';
    this.side = stage.side;
    this.step = stage.step;
  }
}
