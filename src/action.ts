import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as core from '@actions/core';
import { choice } from './action-inputs.ts';
import { checkFromAction, commentFromAction, mergeFromAction } from './action-review.ts';
import { describeFailure } from './commands/failure.ts';
import type { Surroundings } from './commands/surroundings.ts';
import { writeJobSummary, writeOutputs } from './platforms/github/outputs.ts';
import { escapeXmlLines } from './report/escape.ts';
import { cacheFolder } from './runtime/cache-folder.ts';
import { toolVersion } from './shared/tool-version.ts';

const ownFolder = dirname(fileURLToPath(import.meta.url));

function surroundings(): Surroundings {
  return {
    env: process.env,
    now: Date.now,
    random: Math.random,
    progress: { step: text => core.info(text), update: () => undefined },
    toolVersion,
    workerPath: join(ownFolder, import.meta.url.endsWith('.ts') ? 'runtime/worker.ts' : 'worker.js'),
    packageFolders: [ownFolder],
    homeFolder: homedir(),
    cacheFolder: cacheFolder(process.env, process.platform, homedir()),
  };
}

const COMMANDS = {
  check: checkFromAction,
  merge: mergeFromAction,
  comment: commentFromAction,
  watch: async (world: Surroundings) => (await import('./action-watch.ts')).watchFromAction(world),
  'alerts-test': async (world: Surroundings) =>
    (await import('./action-watch.ts')).testAlertsFromAction(world),
  publish: async (world: Surroundings) => (await import('./action-publish.ts')).publishFromAction(world),
} as const;

async function main(): Promise<void> {
  const token = core.getInput('token');
  if (token !== '') core.setSecret(token);
  try {
    const command =
      choice('command', ['check', 'merge', 'comment', 'watch', 'alerts-test', 'publish']) ?? 'check';
    await COMMANDS[command](surroundings());
  } catch (thrown) {
    const failure = describeFailure(thrown, toolVersion);
    core.setFailed(failure.text.trim());
    await writeJobSummary(`### QuickServeML\n\n<pre>${escapeXmlLines(failure.text)}</pre>\n`);
    await writeOutputs({ verdict: 'no-verdict', 'exit-code': String(failure.exitCode) });
    process.exitCode = failure.exitCode;
  }
}

await main();
