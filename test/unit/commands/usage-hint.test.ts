import { expect, it } from 'vitest';
import { createProgram } from '../../../src/commands/definitions/program.ts';
import { usageHint } from '../../../src/commands/definitions/usage-hint.ts';
import { requireKnownDims } from '../../../src/commands/inspect/dim-sizes.ts';

const program = createProgram({ run: async () => undefined, usesColor: () => false });
const many = "too many arguments for 'x'. Expected 1 argument but got 2.";

it.each([
  [[], 'No command was given.', '`quickserveml check` checks the models of this repository'],
  [['insepct', 'a.onnx'], "unknown command 'insepct'", '`quickserveml --help` lists the commands'],
  [['inspect', '--dif', 'a'], "unknown option '--dif'", '`quickserveml inspect --help` lists'],
  [['registry', 'get', '--x'], "unknown option '--x'", '`quickserveml registry get --help` lists'],
  [['compare', 'a'], "missing required argument 'candidate'", '`quickserveml compare --help` lists'],
  [['benchmark', 'a', 'b'], many, '`quickserveml benchmark NEW --against OLD`'],
  [['inspect', 'a', 'b'], many, '`quickserveml inspect NEW --diff OLD`'],
  [['check', 'a.onnx'], many, '--model chooses one'],
  [['check', 'a.onnx', 'b.onnx'], many, '`quickserveml compare OLD NEW`'],
  [['schema', 'a', 'b'], many, '`quickserveml schema --help` lists'],
])('after %j it says where to look', (args, message, words) => {
  expect(usageHint(program, args, message)).toContain(words);
});

it('shows how the command is called', () => {
  expect(usageHint(program, ['registry', 'promote', 'a', 'production'], many)).toContain(
    'Usage: quickserveml registry promote [options] <model[@version]>\n',
  );
});

it('a size of a dimension that no input leaves open is refused, with the one that is meant', () => {
  const inputs = [
    { name: 'image', kind: 'tensor' as const, dtype: 'float32' as const, shape: ['batch', 1, null, 28] },
  ];
  for (const known of ['batch', 'image:0', 'image:2'])
    expect(() => requireKnownDims({ [known]: 1 }, inputs)).not.toThrow();
  const refusal = (dims: Record<string, number>) => {
    try {
      requireKnownDims(dims, inputs);
    } catch (error) {
      return error;
    }
    return null;
  };
  expect(refusal({ bach: 8 })).toMatchObject({ code: 'USAGE', hint: 'Did you mean "batch"?' });
  expect(refusal({ 'image:1': 8 })).toMatchObject({ code: 'USAGE' });
  expect(refusal({ rows: 8 })).toMatchObject({ hint: 'The inputs leave these open: batch, image:2.' });
});
