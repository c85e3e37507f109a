import type { ErrorDetails } from '../shared/errors.ts';
import { cleanMessage, excerptOf, saysOutOfMemory } from './worker-message.ts';
import type { Side, WorkerStage } from './worker-protocol.ts';

/** How a worker process ended without an answer. */
export interface WorkerEnd {
  readonly signal: string | null;
  readonly exitCode: number | null;
  /** The end of what it wrote to stderr, not cleaned. */
  readonly stderr: string;
  /** It was killed because its time was over. */
  readonly timedOut: boolean;
  readonly timeLimitMs: number;
  readonly memoryLimitBytes: number | null;
}

/** Names of the files for messages. */
export interface ModelNames {
  readonly base: string | null;
  readonly candidate: string | null;
  /** Where there is only one model. */
  readonly only: string | null;
}

function subjectOf(side: Side | null, names: ModelNames): string {
  if (side !== null) return `the ${side} model ${names[side] ?? names.only ?? ''}`.trimEnd();
  if (names.only !== null) return `the model ${names.only}`;
  return names.base === null ? 'the model' : `one of the models ${names.base} (base) and ${names.candidate}`;
}

function doingOf(stage: WorkerStage, names: ModelNames): string {
  switch (stage.step) {
    case 'runtime':
      return 'loading onnxruntime';
    case 'load':
      return `loading ${subjectOf(stage.side, names)}`;
    case 'run':
      return `running ${subjectOf(stage.side, names)}`;
  }
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;

function wroteOf(stderr: string): string {
  const excerpt = excerptOf(stderr);
  return excerpt === '' ? '' : ` It wrote: ${excerpt}`;
}

function outOfMemory(doing: string, memoryLimitBytes: number | null, detail: string): ErrorDetails {
  const limit = memoryLimitBytes === null ? '' : ` of the limit of ${mebibytes(memoryLimitBytes)}`;
  return {
    code: 'WORKER_OUT_OF_MEMORY',
    message: `The runtime process ran out${limit === '' ? ' of memory' : limit} while ${doing}.${detail}`,
    hint: 'Raise the memory limit if the model really needs so much, or use smaller inputs (dims).',
  };
}

/** What the end of a worker process means. `stage` is null where the process did not get as far as to say anything. */
export function explainEnd(end: WorkerEnd, stage: WorkerStage | null, names: ModelNames): ErrorDetails {
  const doing = stage === null ? 'starting' : doingOf(stage, names);
  if (end.timedOut) {
    return {
      code: 'WORKER_TIMEOUT',
      message: `The runtime process was killed after ${end.timeLimitMs / 1000} s while ${doing}.`,
      hint: 'Raise the time limit if the model really takes so long; a model that never ends has a loop without end.',
    };
  }
  if (saysOutOfMemory(end.stderr)) return outOfMemory(doing, end.memoryLimitBytes, '');
  if (end.signal === 'SIGKILL') {
    return outOfMemory(
      doing,
      end.memoryLimitBytes,
      ' The system killed it, as it does where memory is short.',
    );
  }
  if (end.signal === 'SIGXCPU') {
    return {
      code: 'WORKER_TIMEOUT',
      message: `The runtime process used up its CPU time while ${doing}.`,
      hint: 'Raise the time limit if the model really takes so long.',
    };
  }
  const how = end.signal === null ? `ended with exit code ${end.exitCode}` : `died with ${end.signal}`;
  if (stage === null || stage.step === 'runtime') {
    return {
      code: 'WORKER_START_FAILED',
      message: `The process that holds onnxruntime ${how} while ${doing}.${wroteOf(end.stderr)}`,
      hint: 'Run "quickserveml doctor": the runtime must fit this platform (on Linux, glibc 2.28 or newer).',
    };
  }
  return {
    code: 'WORKER_CRASHED',
    message: `The runtime process ${how} while ${doing}.${wroteOf(end.stderr)}`,
    hint: 'The model makes onnxruntime itself fail: export it again, or report it to the runtime with the file.',
  };
}

/** What a message of the runtime means. */
export function explainFailure(
  message: string,
  stage: WorkerStage,
  names: ModelNames,
  memoryLimitBytes: number | null,
): ErrorDetails {
  const cleaned = cleanMessage(message);
  if (saysOutOfMemory(message)) {
    return outOfMemory(doingOf(stage, names), memoryLimitBytes, ` onnxruntime said: ${cleaned}`);
  }
  const subject = subjectOf(stage.side, names);
  switch (stage.step) {
    case 'runtime':
      return {
        code: 'WORKER_START_FAILED',
        message: `onnxruntime could not be loaded: ${cleaned}`,
        hint: 'Run "quickserveml doctor": the runtime must fit this platform (on Linux, glibc 2.28 or newer).',
      };
    case 'load':
      return {
        code: 'MODEL_LOAD_REFUSED',
        message: `onnxruntime refused to load ${subject}: ${cleaned}`,
        hint: 'Check the model with "quickserveml inspect"; an opset newer than the runtime needs an older export.',
      };
    case 'run':
      return {
        code: 'MODEL_RUN_FAILED',
        message: `onnxruntime failed when running ${subject}: ${cleaned}`,
        hint: 'Give real inputs: put a test_data_set_0 folder with input_0.pb beside the model, or set dims for symbolic sizes.',
      };
  }
}
