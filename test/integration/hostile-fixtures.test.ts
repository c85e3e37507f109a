import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../support/requirements.ts';

/** Loads and runs a model in a process of its own, which is killed after five seconds. */
async function runApart(
  name: string,
  input: number[],
): Promise<{ readonly said: string; readonly signal: string | null }> {
  const script = `
    const ort = require('onnxruntime-node');
    (async () => {
      const session = await ort.InferenceSession.create(process.argv[1], { logSeverityLevel: 4 });
      process.stdout.write('loaded');
      await session.run({ x: new ort.Tensor('float32', JSON.parse(process.argv[2]), [${input.length}]) });
      process.stdout.write(' ran');
    })();`;
  const path = resolve(projectRoot, 'fixtures/models', name, 'model.onnx');
  const child = spawn(process.execPath, ['-e', script, path, JSON.stringify(input)], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'ignore'],
    killSignal: 'SIGKILL',
    timeout: 5_000,
  });
  let said = '';
  child.stdout.on('data', chunk => {
    said += chunk;
  });
  await once(child, 'close');
  return { said, signal: child.signalCode };
}

describe.concurrent('hostile fixtures in the runtime', () => {
  it('hang-load does not finish loading', async () => {
    expect(await runApart('hang-load', [1])).toEqual({ said: '', signal: 'SIGKILL' });
  });

  it('hang-run loads and does not finish running', async () => {
    expect(await runApart('hang-run', [1])).toEqual({ said: 'loaded', signal: 'SIGKILL' });
  });

  it('aborts loads and ends its process when it runs', async () => {
    expect(await runApart('aborts', [1, 2])).toEqual({ said: 'loaded', signal: 'SIGABRT' });
  });
});
