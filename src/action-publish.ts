import { resolve } from 'node:path';
import * as core from '@actions/core';
import { choice, optional, workspaceOf } from './action-inputs.ts';
import { type PublishOptions, publish } from './commands/publish.ts';
import type { Surroundings } from './commands/surroundings.ts';
import { PROOF_MODES } from './config/proof-modes.ts';
import { writeJobSummary, writeOutputs } from './platforms/github/outputs.ts';
import { escapeXmlLines } from './report/escape.ts';

const lines = (name: string): readonly string[] => core.getMultilineInput(name);
const isOn = (name: string): boolean => core.getInput(name) === 'true';
const given = <K extends string>(key: K, value: string): { readonly [P in K]?: string } =>
  value === '' ? {} : ({ [key]: value } as { readonly [P in K]?: string });

/** @throws QuickServeError USAGE. */
function readOptions(world: Surroundings): PublishOptions {
  const workspace = workspaceOf(world);
  const cwd = resolve(workspace, core.getInput('working-directory'));
  const runtimePath = optional('runtime-path');
  const port = optional('port');
  const proofs = choice('proofs', PROOF_MODES);
  return {
    cwd,
    models: lines('models'),
    image: lines('image'),
    platform: lines('platforms'),
    tag: lines('tags'),
    insecure: lines('insecure-registries'),
    allowMove: isOn('allow-move'),
    force: isOn('force'),
    dryRun: isOn('dry-run'),
    ...given('config', core.getInput('config')),
    ...given('branch', core.getInput('registry-branch')),
    ...given('baseImage', core.getInput('base-image')),
    ...given('output', core.getInput('output')),
    ...given('promote', core.getInput('promote')),
    ...given('reason', core.getInput('reason')),
    ...(port === null ? {} : { port: Number(port) }),
    ...given('created', core.getInput('created')),
    ...(proofs === null ? {} : { proofs }),
    ...given('registryCa', core.getInput('registry-ca')),
    ...(runtimePath === null ? {} : { runtimePath: resolve(workspace, runtimePath) }),
    ...given('token', core.getInput('token')),
  };
}

/**
 * Credentials as the command reads them. The job's own token is for GitHub's registry and never leaves for another one;
 * what `registry-password` gives is for the one registry that is pushed to.
 */
function withCredentials(world: Surroundings): Surroundings {
  const password = core.getInput('registry-password');
  if (password !== '') {
    core.setSecret(password);
    const username = core.getInput('registry-username');
    const named = { QUICKSERVEML_REGISTRY_USERNAME: username, QUICKSERVEML_REGISTRY_PASSWORD: password };
    return { ...world, env: { ...world.env, ...named } };
  }
  const token = core.getInput('token');
  if (token === '' || (world.env['QUICKSERVEML_REGISTRY_PASSWORD'] ?? '') !== '') return world;
  return {
    ...world,
    env: {
      ...world.env,
      QUICKSERVEML_REGISTRY_HOST: 'ghcr.io',
      QUICKSERVEML_REGISTRY_USERNAME: world.env['GITHUB_ACTOR'] || 'github-actions',
      QUICKSERVEML_REGISTRY_PASSWORD: token,
    },
  };
}

interface Published {
  readonly complete?: boolean;
  readonly image?: { readonly digest: string };
  readonly pushes?: readonly {
    readonly registry: string;
    readonly repository: string;
    readonly digest: string;
    readonly state: string;
    readonly tags: readonly string[];
  }[];
}

/** `command: publish` of the Action. */
export async function publishFromAction(world: Surroundings): Promise<void> {
  const { document, text, exitCode } = await publish(readOptions(world), withCredentials(world));
  core.info(text);
  const { image, pushes = [] }: Published = Object(document);
  const summary = await writeJobSummary(`### QuickServeML publish\n\n<pre>${escapeXmlLines(text)}</pre>\n`);
  if (summary.kind === 'not-written') core.info(`No job summary: ${summary.reason}.`);
  const out = pushes.filter(({ state }) => state !== 'incomplete');
  await writeOutputs({
    'exit-code': String(exitCode),
    'image-digest': image?.digest ?? '',
    images: JSON.stringify(out.map(push => `${push.registry}/${push.repository}@${push.digest}`)),
    'image-tags': JSON.stringify([...new Set(out.flatMap(({ tags }) => tags))]),
  });
  if (exitCode !== 0) core.setFailed(text.split('\n')[0] ?? 'Not published.');
  process.exitCode = exitCode;
}
