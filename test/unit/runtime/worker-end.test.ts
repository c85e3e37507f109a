import { describe, expect, it } from 'vitest';
import { explainEnd, explainFailure, type WorkerEnd } from '../../../src/runtime/worker-end.ts';
import { cleanMessage, excerptOf, saysOutOfMemory } from '../../../src/runtime/worker-message.ts';
import { workerEnvironment } from '../../../src/runtime/worker-process.ts';

const names = { base: 'old.onnx', candidate: 'new.onnx', only: null };
const end: WorkerEnd = {
  signal: null,
  exitCode: null,
  stderr: '',
  timedOut: false,
  timeLimitMs: 60_000,
  memoryLimitBytes: 2 ** 30,
};
const loading = { side: 'candidate', step: 'load' } as const;

describe('the end of a worker process', () => {
  it('by a signal is a crash that names the signal, the model and what was being done', () => {
    const error = explainEnd({ ...end, signal: 'SIGSEGV' }, loading, names);
    expect(error.code).toBe('WORKER_CRASHED');
    expect(error.message).toBe(
      'The runtime process died with SIGSEGV while loading the candidate model new.onnx.',
    );
  });

  it('by the time limit is a timeout, whatever it wrote', () => {
    const error = explainEnd(
      { ...end, signal: 'SIGKILL', timedOut: true, stderr: 'std::bad_alloc' },
      loading,
      names,
    );
    expect(error.code).toBe('WORKER_TIMEOUT');
    expect(error.message).toContain('after 60 s');
  });

  it('by a failed allocation is a lack of memory', () => {
    const stderr = "terminate called after throwing an instance of 'std::bad_alloc'";
    const error = explainEnd({ ...end, signal: 'SIGABRT', stderr }, { side: null, step: 'run' }, names);
    expect(error.code).toBe('WORKER_OUT_OF_MEMORY');
    expect(error.message).toContain('limit of 1024 MiB');
  });

  it('by a SIGKILL that nobody here sent is the work of the system, for memory', () => {
    expect(explainEnd({ ...end, signal: 'SIGKILL' }, loading, names).code).toBe('WORKER_OUT_OF_MEMORY');
  });

  it('before it came to a model is a failed start', () => {
    const stderr = "node: error: /lib/libc.so.6: version `GLIBC_2.28' not found";
    const error = explainEnd({ ...end, exitCode: 1, stderr }, null, names);
    expect(error.code).toBe('WORKER_START_FAILED');
    expect(error.message).toContain('GLIBC_2.28');
  });

  it('with an exit code is a crash too, as on Windows', () => {
    const error = explainEnd({ ...end, exitCode: 3221225477 }, { side: 'base', step: 'run' }, names);
    expect(error.message).toBe(
      'The runtime process ended with exit code 3221225477 while running the base model old.onnx.',
    );
  });
});

describe('what the runtime says', () => {
  it('is a refusal while loading and a failure while running', () => {
    expect(explainFailure('no such op', loading, names, null).code).toBe('MODEL_LOAD_REFUSED');
    expect(explainFailure('bad shape', { side: null, step: 'run' }, names, null).code).toBe(
      'MODEL_RUN_FAILED',
    );
    expect(explainFailure('dlopen failed', { side: null, step: 'runtime' }, names, null).code).toBe(
      'WORKER_START_FAILED',
    );
    expect(explainFailure('std::bad_alloc', loading, names, null).code).toBe('WORKER_OUT_OF_MEMORY');
  });

  it('loses the folders of the machine and keeps the names of files', () => {
    expect(cleanMessage('Load model from /home/me/secret project/a.onnx failed')).not.toContain('/home/me');
    expect(
      cleanMessage('Load model from /home/me/models/a.onnx failed:/onnxruntime_src/core/x.cc:46 void f'),
    ).toBe('Load model from a.onnx failed:x.cc:46 void f');
    expect(cleanMessage('cannot open C:\\Users\\me\\models\\a.onnx')).toBe('cannot open a.onnx');
  });

  it('keeps names with slashes that are no paths', () => {
    expect(cleanMessage('node conv1/relu of foo/bar, and a / b')).toBe(
      'node conv1/relu of foo/bar, and a / b',
    );
  });

  it('is one line of bounded length without control characters', () => {
    const message = cleanMessage(`\u001b[31mred\u001b[0m\n\u202eabc\u0000${'x'.repeat(5000)}`);
    expect(message).toMatch(/^red abc x+ \.\.\.$/);
    expect(message.length).toBeLessThan(410);
  });

  // In quadratic time these would take hours.
  it('is cleaned in time that grows with its length only', () => {
    expect(cleanMessage('/'.repeat(5_000_000)).length).toBeLessThan(410);
    expect(cleanMessage('/a'.repeat(2_500_000)).length).toBeLessThan(410);
  });

  it('is quoted by its telling line where a process died', () => {
    expect(excerptOf('\n<--- GCs --->\n\nFATAL ERROR: v8::Bad thing\n----- stack -----\n 1: 0x93\n')).toBe(
      'FATAL ERROR: v8::Bad thing',
    );
    expect(excerptOf('')).toBe('');
  });

  it('is no lack of memory where the runtime asked for an impossible size', () => {
    expect(
      saysOutOfMemory('FATAL ERROR: v8::ArrayBuffer::New Allocation failed - process out of memory'),
    ).toBe(false);
    expect(saysOutOfMemory('FATAL ERROR: Reached heap limit - JavaScript heap out of memory')).toBe(true);
  });
});

describe('the environment of a worker', () => {
  it('has no token, no proxy and no options of Node', () => {
    const environment = workerEnvironment({
      PATH: '/bin',
      GITHUB_TOKEN: 'ghs_secret',
      HTTPS_PROXY: 'http://user:secret@proxy',
      NODE_OPTIONS: '--require /evil.js',
      HOME: '/root',
      LANG: 'C.UTF-8',
    });
    expect(environment).toEqual({
      PATH: '/bin',
      LANG: 'C.UTF-8',
      ORT_DISABLE_TELEMETRY: '1',
      GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
    });
  });

  it('asks for huge pages, but not where the memory of the process is measured', () => {
    expect(workerEnvironment({})).toHaveProperty('GLIBC_TUNABLES', 'glibc.malloc.hugetlb=1');
    expect(workerEnvironment({}, true)).not.toHaveProperty('GLIBC_TUNABLES');
  });
});
