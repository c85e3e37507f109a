import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuntimeLocation } from '../../src/runtime/runtime-location.ts';
import { installedRuntime } from './runtime.ts';

/** What is planted into a runtime that otherwise is the installed one. */
export type PlantedFault = 'leak' | 'peak' | 'slow-load' | 'slow-first-run' | 'slow-run';

const FAULTS: Readonly<Record<PlantedFault, string>> = {
  // The session is never released.
  leak: 'const kept = []; const onSession = session => { kept.push(session); session.release = async () => {}; };',
  // About a third of the process, before anything is timed.
  peak: 'const held = Buffer.alloc(45e6, 1); const onSession = () => { held.length; };',
  'slow-load':
    'const onSession = async (_, again) => { for (let i = 0; i < 1; i += 1) await (await again()).release(); };',
  'slow-first-run': `const onSession = session => {
    const run = session.run.bind(session);
    session.run = async (...given) => {
      session.run = run;
      for (let i = 0; i < 40; i += 1) await run(...given);
      return run(...given);
    };
  };`,
  'slow-run': `const onSession = session => {
    const run = session.run.bind(session);
    session.run = async (...given) => { await run(...given); return run(...given); };
  };`,
};

/** Writes a package onnxruntime-node into an own folder: the installed one with a planted fault. */
export async function plantRuntime(parent: string, fault: PlantedFault): Promise<RuntimeLocation> {
  const packageFolder = join(parent, fault);
  await mkdir(packageFolder);
  const version = '1.29.9';
  const manifest = { name: 'onnxruntime-node', version, main: 'index.js' };
  await writeFile(join(packageFolder, 'package.json'), JSON.stringify(manifest));
  const source = `
    const real = require(${JSON.stringify(installedRuntime.packageFolder)});
    const create = real.InferenceSession.create.bind(real.InferenceSession);
    ${FAULTS[fault]}
    real.InferenceSession.create = async (...given) => {
      const session = await create(...given);
      await onSession(session, () => create(...given));
      return session;
    };
    module.exports = real;`;
  await writeFile(join(packageFolder, 'index.js'), source);
  return { packageFolder, version, pinned: false, origin: 'explicit' };
}
