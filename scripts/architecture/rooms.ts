/** The rooms of src/ and what each may import: held by test/architecture.test.ts, drawn in docs/architecture.md. */

/** Pure stages, in the order in which data flows. */
export const STAGES = [
  'config',
  'model',
  'contract',
  'cases',
  'benchmark',
  'regression',
  'report',
  'delivery',
] as const;

/** Rooms that may do I/O. */
export const IO_ROOMS = [
  'network',
  'git',
  'runtime',
  'registry',
  'platforms',
  'container',
  'serving',
] as const;

/** Files of no folder: where processes start. */
export const FRONT_DOOR = 'front door';

/** What may import whose values; types may always come from a room that is earlier in the flow. */
export const VALUE_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  ...Object.fromEntries(STAGES.map(stage => [stage, ['shared']])),
  network: ['shared'],
  git: ['shared', 'network'],
  runtime: ['shared', 'network', 'model', 'benchmark'],
  registry: ['shared', 'git'],
  platforms: ['shared', 'network', 'report'],
  container: ['shared', 'network', 'model', 'runtime'],
  // Synthetic inputs warm a model up, and try whether its rows may go together; tolerances of test cases hold for
  // answers of a mirrored version.
  serving: ['shared', 'network', 'model', 'contract', 'cases', 'benchmark', 'runtime'],
  commands: ['shared', ...STAGES, ...IO_ROOMS],
  [FRONT_DOOR]: ['shared', 'commands', ...STAGES, ...IO_ROOMS],
};

/** Which rooms may use a package: one that is not here may be used by none. */
export const PACKAGE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  '@actions/core': ['platforms', FRONT_DOOR],
  '@actions/github': ['platforms'],
  '@dagrejs/dagre': ['report'],
  '@sigstore/bundle': ['container'],
  '@sigstore/protobuf-specs': ['container'],
  '@sigstore/sign': ['container'],
  '@sigstore/tuf': ['container'],
  '@sigstore/verify': ['container'],
  ajv: ['config', 'contract', 'registry', 'report'],
  'ci-info': ['platforms'],
  commander: ['commands', FRONT_DOOR],
  fflate: ['container'],
  ini: ['runtime'],
  jose: ['serving'],
  jspdf: ['report'],
  leven: ['shared'],
  'markdown-table': ['commands', 'report'],
  'onnxruntime-node': ['runtime', 'serving'],
  'prom-client': ['serving'],
  semver: ['container', 'registry'],
  'simple-git': ['git'],
  'tar-stream': ['container', 'runtime'],
  undici: ['network'],
  yaml: ['commands', 'config', 'delivery'],
};

/** The room of a path relative to src/. */
export const roomOf = (path: string): string =>
  path.includes('/') ? (path.split('/')[0] ?? FRONT_DOOR) : FRONT_DOOR;
