import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { ErrorCode } from '../shared/error-catalog.ts';
import { messageOf, systemCodeOf } from '../shared/errors.ts';
import type { Finding } from '../shared/finding.ts';
import { quoteName } from '../shared/terminal-text.ts';
import type { ExternalFile } from './inspection.ts';
import { EXAMINED_EXTERNAL_FILES } from './limits.ts';
import { graphsOf, type Model, type Node, type TensorInfo } from './model.ts';
import { ProblemLog } from './problem-log.ts';

/** What is known about one external file after looking at the disk. */
export interface ExternalFileState extends ExternalFile {
  /** Where the file really is; null where it is missing or must not be opened. */
  readonly absolutePath: string | null;
}

export interface ExternalDataState {
  /** In the order in which the model names them first. */
  readonly files: readonly ExternalFileState[];
  /** EXTERNAL_DATA_* errors, and what is odd. */
  readonly findings: readonly Finding[];
}

type ExternalTensor = TensorInfo & { readonly payload: Extract<TensorInfo['payload'], { kind: 'external' }> };

/** Every tensor of a model whose data is in another file: initializers and attributes, of subgraphs and functions too. */
export function externalTensorsOf(model: Pick<Model, 'graph' | 'functions'>): readonly ExternalTensor[] {
  const found: ExternalTensor[] = [];
  const take = (tensor: TensorInfo | null): void => {
    if (tensor?.payload.kind === 'external') found.push(tensor as ExternalTensor);
  };
  const takeNodes = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      for (const { value } of node.attributes) {
        if (value.kind === 'tensor') take(value.value);
        else if (value.kind === 'tensors') value.values.forEach(take);
        else if (value.kind === 'sparse_tensor') {
          take(value.value.values);
          take(value.value.indices);
        }
      }
    }
  };
  for (const definition of model.functions) takeNodes(definition.nodes);
  for (const graph of graphsOf(model)) {
    graph.initializers.forEach(take);
    for (const sparse of graph.sparseInitializers) {
      take(sparse.values);
      take(sparse.indices);
    }
    takeNodes(graph.nodes);
  }
  return found;
}

/**
 * Why a location must not be followed, or null where it stays inside the model's folder by its text alone:
 * relative, without `..`, backslash or drive letter.
 */
export function complaintAboutLocation(location: string): string | null {
  if (location === '') return 'has no location';
  if (location.startsWith('/') || location.startsWith('\\')) return 'is an absolute path';
  if (/^[a-zA-Z]:/.test(location)) return 'starts with a drive letter';
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(location)) return 'is a URL';
  if (location.split(/[\\/]/).includes('..')) return 'leads out of the folder with ".."';
  return null;
}

/**
 * Looks at every external file that a model names, without opening any. Nothing outside the model's own folder is
 * looked at: absolute paths, `..` and links that lead out are EXTERNAL_DATA_ESCAPES.
 */
export function examineExternalData(model: Model): ExternalDataState {
  const problems = new ProblemLog();
  const tensorsByLocation = new Map<string, ExternalTensor[]>();
  for (const tensor of externalTensorsOf(model)) {
    const known = tensorsByLocation.get(tensor.payload.location);
    if (known === undefined) tensorsByLocation.set(tensor.payload.location, [tensor]);
    else known.push(tensor);
  }
  const files: ExternalFileState[] = [];
  for (const [location, tensors] of tensorsByLocation) {
    if (files.length >= EXAMINED_EXTERNAL_FILES) {
      problems.add({
        code: 'MODEL_LIMIT',
        severity: 'error',
        message: `The model names ${tensorsByLocation.size} external files; only ${EXAMINED_EXTERNAL_FILES} were looked at.`,
        hint: 'Save all tensors into one file (onnx.save_model with all_tensors_to_one_file=True).',
      });
      break;
    }
    files.push(examineFile(model.path, location, tensors, problems));
  }
  return { files, findings: problems.list() };
}

function examineFile(
  modelPath: string,
  location: string,
  tensors: readonly ExternalTensor[],
  problems: ProblemLog,
): ExternalFileState {
  const neededBy = `${tensors.length === 1 ? 'tensor' : `${tensors.length} tensors, first`} ${quoteName(tensors[0]?.name ?? '')}`;
  const refuse = (code: ErrorCode, what: string, hint: string): ExternalFileState => {
    problems.add({
      code,
      severity: 'error',
      message: `External data ${quoteName(location)} ${what} (needed by ${neededBy}).`,
      hint,
    });
    return { path: location, sizeBytes: null, exists: false, absolutePath: null };
  };

  const complaint = complaintAboutLocation(location);
  if (complaint !== null) return refuse('EXTERNAL_DATA_ESCAPES', complaint, ESCAPE_HINT);

  const folder = dirname(modelPath);
  let absolutePath: string;
  let stat: Stats;
  try {
    absolutePath = realpathSync(join(folder, location));
    const inside = relative(realpathSync(folder), absolutePath);
    if (inside === '..' || inside.startsWith(`..${sep}`) || inside === '') {
      return refuse('EXTERNAL_DATA_ESCAPES', 'is a link that leads out of the folder', ESCAPE_HINT);
    }
    stat = statSync(absolutePath);
  } catch (error) {
    const code = systemCodeOf(error);
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
    return refuse(
      'EXTERNAL_DATA_MISSING',
      isMissing ? 'does not exist' : `cannot be reached: ${messageOf(error)}`,
      'Put the file beside the model, under the name that the model gives. In git it may be an LFS object of its own.',
    );
  }
  if (!stat.isFile()) {
    const kind = stat.isDirectory() ? 'a folder' : 'a device, pipe or socket';
    return refuse('EXTERNAL_DATA_NOT_A_FILE', `is ${kind}`, 'External data must be a regular file.');
  }
  for (const tensor of tensors) checkRange(tensor, location, stat.size, problems);
  if (isSameFile(absolutePath, modelPath)) {
    problems.add({
      code: 'EXTERNAL_DATA_IS_MODEL',
      severity: 'warning',
      message: `External data ${quoteName(location)} is the model file itself (needed by ${neededBy}).`,
      hint: 'onnxruntime accepts this silently: structure is read as weights. Save the external data again.',
    });
  }
  return { path: location, sizeBytes: stat.size, exists: true, absolutePath };
}

const ESCAPE_HINT =
  'External data must lie in the folder of the model or below it. Save the model and its data again.';

function checkRange(tensor: ExternalTensor, location: string, sizeBytes: number, problems: ProblemLog): void {
  const end = tensor.payload.offset + (tensor.payload.sizeBytes ?? tensor.sizeBytes);
  if (end <= sizeBytes) return;
  problems.add({
    code: 'EXTERNAL_DATA_RANGE',
    severity: 'error',
    message:
      `Tensor ${quoteName(tensor.name)} needs the bytes ${tensor.payload.offset} to ${end} of ${quoteName(location)}, ` +
      `which has ${sizeBytes}.`,
    hint: 'The external data is cut off, a Git LFS pointer, or belongs to another version of the model.',
  });
}

function isSameFile(absolutePath: string, modelPath: string): boolean {
  try {
    return realpathSync(modelPath) === absolutePath;
  } catch {
    return false;
  }
}
