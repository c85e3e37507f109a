import { posix } from 'node:path';
import type { Config, ModelConfig } from './config.ts';
import { LONGEST_NAME, nameLength } from './model-name.ts';

/**
 * The models to check. Configured ones as they are; otherwise every `.onnx` and `.ort` file among `files`
 * (paths relative to the repository's root, with `/`), sorted by path, with the configuration's defaults.
 * An empty list where there is none.
 */
export function resolveModels(config: Config, files: readonly string[]): readonly ModelConfig[] {
  if (config.models !== null) return config.models;
  const paths = [...new Set(files.filter(isModelFile))].sort((one, other) => (one < other ? -1 : 1));
  const taken = new Set<string>();
  return paths.map(path => {
    const name = freeName(path, taken);
    taken.add(name.toLowerCase());
    return {
      name,
      path,
      dims: Object.create(null) as ModelConfig['dims'],
      casesPath: null,
      benchmark: config.defaults.benchmark,
      policy: config.defaults.policy,
    };
  });
}

export const isNamedLikeModel = (path: string): boolean => /\.(onnx|ort)$/i.test(path);

/** Whether discovery takes the file for a model. */
export function isModelFile(path: string): boolean {
  if (!isNamedLikeModel(path)) return false;
  return path
    .split('/')
    .every(part => part !== 'node_modules' && !part.startsWith('.') && !part.startsWith('test_data_set_'));
}

/** The shortest name that no earlier file has: `models/digits/model.onnx` is `models/digits`. */
function freeName(path: string, taken: ReadonlySet<string>): string {
  const whole = path.slice(0, -posix.extname(path).length);
  const short = whole.replace(/\/model$/, '');
  const candidates = [short, whole, path].map(usableName);
  const free = candidates.find(name => !taken.has(name.toLowerCase()));
  if (free !== undefined) return free;
  for (let number = 2; ; number += 1) {
    const name = `${usableName(path)}-${number}`;
    if (!taken.has(name.toLowerCase())) return name;
  }
}

/** The path as a model name (see `namesAreUsable` in rules.ts): other characters become dashes. */
function usableName(path: string): string {
  const segments = path.split('/').map(segment => {
    const plain = segment.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[._-]+|[.-]+$/g, '');
    return plain === '' ? 'model' : plain;
  });
  let name = segments.join('/');
  // The end tells models apart better than the folders at the start.
  while (nameLength(name) > LONGEST_NAME) name = name.slice(1).replace(/^[^A-Za-z0-9]+/, '');
  return name;
}
