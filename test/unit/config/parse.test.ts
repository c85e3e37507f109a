import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultConfig, parseConfig } from '../../../src/config/parse.ts';
import { QuickServeError } from '../../../src/shared/errors.ts';

const parse = (text: string) => parseConfig({ text, path: 'quickserveml.yml' });

/** The lines of the error, without the heading that counts them. */
function errorsOf(text: string): readonly string[] {
  try {
    parse(text);
  } catch (thrown) {
    if (!(thrown instanceof QuickServeError)) throw thrown;
    expect(thrown.code).toBe('CONFIG_INVALID');
    expect(thrown.exitCode).toBe(2);
    return thrown.message.split('\n').filter(line => !/ has \d+ errors:$/.test(line));
  }
  throw new Error('the configuration was accepted');
}

describe('a configuration that is right', () => {
  test('an empty file has every default, and the documented ones', () => {
    const config = parse('# nothing yet\n');
    expect(config).toEqual({ ...defaultConfig(), source: 'quickserveml.yml' });
    expect(config.models).toBeNull();
    expect(config.registry).toEqual({
      branch: 'quickserveml',
      remote: null,
      record: 'auto',
      blobLimitBytes: 10_000_000,
      packMonths: true,
      namespace: null,
      signersPath: null,
      signedCommits: false,
      promotion: {},
    });
    expect(config.defaults.benchmark).toEqual({ budgetMs: 30_000, threads: 1, seed: 7 });
    expect(config.defaults.policy).toEqual({
      latency: { gate: 'hard', maxRegression: 0.05, max: null },
      loadTime: { gate: 'warn', maxRegression: 0.25, max: null },
      memory: { gate: 'hard', maxRegression: 0.1, max: null },
      throughput: { gate: 'hard', maxRegression: null, max: null },
      fileSize: { gate: 'warn', maxRegression: 0.2, max: null },
      parameters: { gate: 'off', maxRegression: null, max: null },
      nodes: { gate: 'off', maxRegression: null, max: null },
      contract: { gate: 'hard', accept: [] },
      inconclusive: 'pass',
      noBaseline: 'pass',
      history: 'warn',
      runtime: 'warn',
    });
  });

  test('a model inherits key by key: its own, then `defaults`, then the built-in value', () => {
    const config = parse(`
version: 1
defaults:
  benchmark: { budget: 20s, threads: 2 }
  policy:
    latency: { max-regression: 8% }
    contract: { accept: [input-renamed:x] }
models:
  digits:
    path: ./models//digits.onnx
    dims: { batch: [1, 8], sequence: 128 }
    cases: models/digits/cases/
    benchmark: { threads: 4 }
    policy:
      latency: { max: 3ms, gate: warn }
      memory: { max: 512MB }
      parameters: { max: 1000000, gate: hard }
`);
    const [digits] = config.models ?? [];
    expect(digits).toMatchObject({
      name: 'digits',
      path: 'models/digits.onnx',
      casesPath: 'models/digits/cases',
      benchmark: { budgetMs: 20_000, threads: 4, seed: 7 },
    });
    expect({ ...digits?.dims }).toEqual({ batch: [1, 8], sequence: [128] });
    expect(digits?.policy.latency).toEqual({ gate: 'warn', maxRegression: 0.08, max: 3 });
    expect(digits?.policy.memory).toEqual({ gate: 'hard', maxRegression: 0.1, max: 512_000_000 });
    expect(digits?.policy.parameters).toEqual({ gate: 'hard', maxRegression: null, max: 1_000_000 });
    expect(digits?.policy.contract.accept).toEqual([
      { finding: 'input-renamed:x', sha256: null, reason: '' },
    ]);
  });

  test('an own `accept` list replaces the inherited one', () => {
    const sha256 = 'a'.repeat(64);
    const config = parse(`
defaults: { policy: { contract: { accept: [one] } } }
models:
  digits:
    path: digits.onnx
    policy: { contract: { accept: [{ finding: two, sha256: ${sha256}, reason: agreed }] } }
`);
    expect(config.models?.[0]?.policy.contract.accept).toEqual([
      { finding: 'two', sha256, reason: 'agreed' },
    ]);
  });

  test('the defaults of one call are not shared with the next', () => {
    expect(defaultConfig().defaults.policy.contract.accept).not.toBe(
      defaultConfig().defaults.policy.contract.accept,
    );
  });

  test('anchors and aliases are resolved', () => {
    const config = parse(`
models:
  one: { path: 1.onnx, policy: &strict { latency: { max-regression: 2% } } }
  two: { path: 2.onnx, policy: *strict }
`);
    expect(config.models?.map(model => model.policy.latency.maxRegression)).toEqual([0.02, 0.02]);
  });

  test('names of symbols that objects are born with are only what the file says', () => {
    const [model] =
      parse('models: { m: { path: m.onnx, dims: { __proto__: 3, constructor: 2 } } }').models ?? [];
    expect(Object.keys(model?.dims ?? {}).sort()).toEqual(['__proto__', 'constructor']);
    expect(model?.dims['toString']).toBeUndefined();
  });
});

describe('a configuration that is wrong', () => {
  test('every error comes at once, in the order of the file, with its line', () => {
    expect(
      errorsOf(`version: 1
registry:
  record: sometimes
models:
  digits:
    path: /abs/digits.onnx
    policy:
      latency:
        max-regresion: 5%
        gate: hrad
  Digits:
    path: other.onnx
    benchmark: { budget: 0s }
`),
    ).toEqual([
      'quickserveml.yml:3: registry.record is "sometimes", not one of auto, always, never',
      'quickserveml.yml:6: models.digits.path is an absolute path; write it relative to the root of the repository',
      'quickserveml.yml:9: models.digits.policy.latency.max-regresion is not a known key; did you mean "max-regression"?',
      'quickserveml.yml:10: models.digits.policy.latency.gate is "hrad", not one of hard, warn, off; did you mean "hard"?',
      'quickserveml.yml:11: models.Digits differs from "digits" only by upper and lower case',
      'quickserveml.yml:13: models.Digits.benchmark.budget must be more than 0',
    ]);
  });

  test.each([
    ['modles: {}', 'quickserveml.yml:1: modles is not a known key; did you mean "models"?'],
    [
      'models: { a: { path: a.onnx, policy: { fileSize: {} } } }',
      'quickserveml.yml:1: models.a.policy.fileSize is not a known key; did you mean "file-size"?',
    ],
    [
      'defaults: { policy: { latency: { max-increase: 5% } } }',
      'quickserveml.yml:1: defaults.policy.latency.max-increase is not a known key; did you mean "max-regression"?',
    ],
    [
      'comment: { colour: red }',
      'quickserveml.yml:1: comment.colour is not a known key; known here: enabled, key',
    ],
    ['version: 2', 'quickserveml.yml:1: version is 2; this QuickServeML reads 1'],
    ['models:', 'quickserveml.yml:1: models is nothing, not a mapping'],
    ['models: {}', 'quickserveml.yml:1: models is empty'],
    ['models: { a: {} }', 'quickserveml.yml:1: models.a needs the key "path"'],
    ['- a', 'quickserveml.yml:1: the file is a list, not a mapping'],
    [
      'defaults: { benchmark: { budget: 30 } }',
      'quickserveml.yml:1: defaults.benchmark.budget is 30, not a duration such as 30s, 3ms or 2min',
    ],
    [
      'defaults: { policy: { latency: { max-regression: 5 } } }',
      'quickserveml.yml:1: defaults.policy.latency.max-regression is 5, not a percentage such as 5%',
    ],
    [
      'defaults: { policy: { memory: { max: 5 gigs } } }',
      'quickserveml.yml:1: defaults.policy.memory.max is "5 gigs", not a size such as 500MB or 2GiB',
    ],
    [
      'defaults: { benchmark: { threads: 0 } }',
      'quickserveml.yml:1: defaults.benchmark.threads is 0; the smallest is 1',
    ],
    [
      'models: { a: { path: a.onnx, dims: { batch: [1, 0] } } }',
      'quickserveml.yml:1: models.a.dims.batch[1] is 0; the smallest is 1',
    ],
    [
      'models: { a: { path: a.onnx, policy: { contract: { accept: [{ sha256: abc }] } } } }',
      'quickserveml.yml:1: models.a.policy.contract.accept[0] needs the key "finding"',
    ],
  ])('%s', (text, first) => {
    expect(errorsOf(text)[0]).toBe(first);
  });

  test.each([
    ['../other/m.onnx', 'leaves the repository'],
    ['models/../../m.onnx', 'leaves the repository'],
    ['C:/m.onnx', 'is an absolute path'],
    ['~/m.onnx', 'is an absolute path'],
    ['models\\\\m.onnx', 'has a backslash in it'],
    ['.git/m.onnx', "is inside git's own folder"],
    ['.', 'is the repository itself'],
    ['a\\u0000b.onnx', 'has a control character in it'],
  ])('the path %j is refused', (path, problem) => {
    const [error] = errorsOf(`models: { a: { path: "${path}" } }`);
    expect(error).toContain(`models.a.path ${problem}`);
  });

  test.each([
    '../x',
    'a b',
    '-a',
    'a/../b',
    'a//b',
    'a/',
    'x'.repeat(181),
    'X'.repeat(61),
    'x.',
    'ä',
    '__proto__',
  ])('the model name %j is refused', name => {
    expect(errorsOf(`models: { ${JSON.stringify(name)}: { path: a.onnx } }`)).toHaveLength(1);
  });

  test('two models with one file are refused, however the path is spelt', () => {
    expect(errorsOf('models: { a: { path: m.onnx }, b: { path: ./m.onnx } }')).toEqual([
      'quickserveml.yml:1: models.b.path is the file that models.a already checks',
    ]);
  });

  test('a limit without a gate and a gate without a limit are said, since neither does anything', () => {
    expect(errorsOf('defaults: { policy: { parameters: { max: 5 }, nodes: { gate: hard } } }')).toEqual([
      'quickserveml.yml:1: defaults.policy.parameters.max has no effect while the gate is off; add "gate: hard" or "gate: warn"',
      'quickserveml.yml:1: defaults.policy.nodes.gate has nothing to hold against; add "max-increase" or "max"',
    ]);
  });

  test.each(['a..b', 'a b', '-x', 'x.lock', 'a/', '.a', 'HEAD', 'a~1', 'x@{1}'])(
    'the branch %j is refused',
    branch => {
      expect(errorsOf(`registry: { branch: ${JSON.stringify(branch)} }`)).toEqual([
        `quickserveml.yml:1: registry.branch ${JSON.stringify(branch)} is not a name git allows`,
      ]);
    },
  );

  test.each([
    ['https://user:secret@host/r.git', 'holds a password'],
    ['https://ghp_secret@host/r.git', 'holds a password'],
    ['ext::sh -c id', 'is not an address'],
    ['ext::sh', 'names a remote helper'],
    ['--upload-pack=id', 'is not an address'],
  ])('the remote %j is refused without being repeated', (remote, problem) => {
    const [error] = errorsOf(`registry: { remote: ${JSON.stringify(remote)} }`);
    expect(error).toContain(problem);
    expect(error).not.toContain('secret');
  });

  test('a time that a timer cannot hold, and a memory limit below the runtime itself, are refused', () => {
    expect(errorsOf('runtime: { load-timeout: 25h, memory-limit: 1MB }')).toHaveLength(2);
  });

  test('sets of inputs are counted, and their paths, names and ranges are checked', () => {
    const model = (rest: string): string => `models:\n  a:\n    path: a.onnx\n${rest}`;
    const sizes = Array.from({ length: 5 }, (_, index) => index + 1).join(', ');
    expect(errorsOf(model(`    dims: { n: [${sizes}], m: [${sizes}] }\n`))[0]).toMatch(
      /models\.a\.dims adds up to 25 sets of inputs/,
    );
    expect(errorsOf(model(`    profiles: { p: { dims: { n: [${sizes}], m: [${sizes}] } } }\n`))[0]).toMatch(
      /models\.a\.profiles adds up to 25/,
    );
    expect(errorsOf(model('    ranges: { ids: { min: 5, max: 4 } }\n'))[0]).toMatch(/max below its min/);
    expect(errorsOf(model('    profiles: { p: { cases: x, dataset: y.csv } }\n'))[0]).toMatch(/choose one/);
    expect(errorsOf(model('    profiles: { p: { dataset: ../y.csv } }\n'))[0]).toMatch(
      /profiles\.p\.dataset/,
    );
    expect(errorsOf(model('    profiles: { "a, b": {} }\n'))[0]).toMatch(/profiles/);
    expect(errorsOf(model('    policy: { parameters: { min: 5 } }\n'))).toHaveLength(1);
  });

  test('profiles and ranges are read with the sizes that are theirs', () => {
    const [model] =
      parse(
        'models:\n  a:\n    path: a.onnx\n    ranges: { ids: { max: 30521 } }\n    profiles: { long: { dims: { n: 512, b: [1, 8] }, dataset: ./data//x.csv } }\n    policy: { throughput: { min: 500 } }\n',
      ).models ?? [];
    expect(model?.ranges).toEqual(Object.assign(Object.create(null), { ids: { min: 0, max: 30_521 } }));
    expect(model?.profiles).toMatchObject([
      { name: 'long', dims: { n: [512], b: [1, 8] }, casesPath: null, datasetPath: 'data/x.csv' },
    ]);
    expect(model?.policy.throughput).toEqual({ gate: 'hard', maxRegression: null, max: null, min: 500 });
  });

  test('a duplicate key is an error at its line, not a silent overwrite', () => {
    const [error] = errorsOf('models:\n  a: { path: a.onnx }\n  a: { path: b.onnx }\n');
    expect(error).toBe('quickserveml.yml:3: "a" stands here twice');
  });

  test.each([
    ['broken syntax', 'models: [a\nb: }'],
    ['two documents', 'version: 1\n---\nversion: 1\n'],
    ['a tag that nobody knows', 'version: !!js/function "x"'],
    ['an alias to nothing', 'models: *nothing'],
    ['an alias to itself', 'models: &a { b: *a }'],
    ['nesting without end', `models: ${'['.repeat(200_000)}`],
    ['a file of more than a megabyte', `# ${'x'.repeat(1_000_001)}`],
  ])('%s is one clear error', (_what, text) => {
    expect(errorsOf(text)[0]).toMatch(/^quickserveml\.yml:/);
  });

  test('aliases that multiply are stopped', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const inner = level === 0 ? '"ha"' : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array(9).fill(inner).join(', ')}]`;
    });
    expect(errorsOf(levels.join('\n'))[0]).toMatch(/alias count/i);
  });

  test('thousands of errors are counted, not listed, and hostile keys cannot forge lines', () => {
    const text = Array.from({ length: 5000 }, (_, index) => `"k${index}\\n::error::x\\u202e": 1`).join('\n');
    const lines = errorsOf(text);
    expect(lines).toHaveLength(31);
    expect(lines.at(-1)).toBe('quickserveml.yml: and 4970 more');
    expect(lines.every(line => line.startsWith('quickserveml.yml:'))).toBe(true);
    expect(lines[0]).toContain('k0\\n::error::x\\u202e');
  });

  test('whatever the text, it is a configuration or CONFIG_INVALID', () => {
    const word = fc.constantFrom(
      'models',
      'a',
      'path',
      'policy',
      'latency',
      'max',
      'gate',
      'defaults',
      '5%',
      'x.onnx',
    );
    const tree = fc.letrec(tie => ({
      node: fc.oneof({ maxDepth: 5 }, word, fc.jsonValue(), fc.dictionary(word, tie('node'), { maxKeys: 4 })),
    })).node;
    fc.assert(
      fc.property(
        fc.oneof(
          tree.map(value => JSON.stringify(value)),
          fc.string(),
        ),
        text => {
          try {
            parse(text);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(QuickServeError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
