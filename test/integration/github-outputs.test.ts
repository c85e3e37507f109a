import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { projectRoot } from '../support/requirements.ts';
import { parseFileCommand, parseWorkflowCommands, runAction } from '../support/runner.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outputs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An action whose code is `script`, with the functions of github/outputs.ts at hand. */
function action(script: string): string {
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(
    join(folder, 'action.yml'),
    `inputs:\n  token:\n    default: \${{ github.token }}\n  some name:\n    default: usual\nruns:\n  using: node24\n  main: dist/action.ts\n`,
  );
  writeFileSync(
    join(folder, 'dist/action.ts'),
    `import { writeAnnotations, writeJobSummary, writeOutputs } from '${join(projectRoot, 'src/platforms/github/outputs.ts')}';\n${script}\n`,
  );
  return folder;
}

describe('outputs of the step', () => {
  it('reach the runner: summary, outputs of several lines, annotations, exit code', async () => {
    const result = await runAction({
      actionPath: action(`
        await writeJobSummary('### hello');
        await writeOutputs({ verdict: 'failed', json: 'a\\nb=c' });
        await writeAnnotations([{ path: 'models/a,b.onnx', severity: 'error', title: 'x: y', message: '50%\\n::set-output name=verdict::passed' }]);
        console.log(process.env['INPUT_TOKEN'] + ' ' + process.env['INPUT_SOME_NAME']);
        process.exitCode = 1;`),
      cwd: folder,
      token: 'from-the-runner',
    });
    expect(result).toMatchObject({
      exitCode: 1,
      summary: '### hello\n',
      outputs: { verdict: 'failed', json: 'a\nb=c' },
    });
    expect(result.commands).toEqual([
      {
        name: 'error',
        properties: { title: 'x: y', file: 'models/a,b.onnx' },
        data: '50%\n::set-output name=verdict::passed',
      },
    ]);
    expect(result.stdout).toContain('from-the-runner usual');
  });

  it('are at most ten annotations of a severity', async () => {
    const script = `await writeAnnotations(Array.from({ length: 30 }, (_, i) => ({ path: null, severity: i % 2 ? 'error' : 'warning', title: 't', message: String(i) })));`;
    const { commands } = await runAction({ actionPath: action(script), cwd: folder });
    expect(commands.filter(({ name }) => name === 'error')).toHaveLength(10);
    expect(commands.filter(({ name }) => name === 'warning')).toHaveLength(10);
  });

  it('do without a summary that is too large or has no file', async () => {
    const script = `console.log(JSON.stringify([await writeJobSummary('x'.repeat(1024 * 1024 + 1)), await writeJobSummary('small')]));`;
    const result = await runAction({
      actionPath: action(script),
      cwd: folder,
      env: { GITHUB_STEP_SUMMARY: join(folder, 'no/such/file') },
    });
    expect(JSON.parse(result.stdout)).toMatchObject([{ kind: 'not-written' }, { kind: 'not-written' }]);
    expect(result.exitCode).toBe(0);
  });
});

describe('the runner of the tests', () => {
  it('refuses inputs that action.yml does not declare', async () => {
    await expect(
      runAction({ actionPath: action(''), cwd: folder, inputs: { nonsense: '1' } }),
    ).rejects.toThrow('nonsense');
  });

  it('reads file commands as the runner does', () => {
    expect(parseFileCommand('a=1\nb<<EOF\nx=y\n<<\nEOF\nc=d<<e\n')).toEqual({
      a: '1',
      b: 'x=y\n<<',
      c: 'd<<e',
    });
    expect(() => parseFileCommand('b<<EOF\nx\n')).toThrow('Matching delimiter');
    expect(() => parseFileCommand('nonsense\n')).toThrow('Invalid format');
  });

  it('sees every line that is a command', () => {
    expect(parseWorkflowCommands('  ::warning file=a%2Cb,line=1::x%0Ay\nplain ::error::no\n')).toEqual([
      { name: 'warning', properties: { file: 'a,b', line: '1' }, data: 'x\ny' },
    ]);
  });
});
