import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { plainRegistries, pushSmallBase } from '../support/base-images.ts';
import { startContainerRegistry } from '../support/container-registries.ts';
import { git, temporaryFolder } from '../support/git-repositories.ts';
import { unprivilegedUser } from '../support/installed-copy.ts';
import { createPublishProject, type PublishDocument } from '../support/publish-project.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

function everyPath(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return [folder, ...entries.map(entry => join(entry.parentPath, entry.name))];
}

describe.skipIf(lacks('docker-registry') || lacks('runtime'))('the same version', () => {
  test('has the same digest in other folders, for other users, with other clocks, time zones and file modes', async () => {
    await using folder = temporaryFolder();
    chmodSync(folder.path, 0o755);
    await using registry = await startContainerRegistry(folder.path);
    await using registries = plainRegistries(registry.host);
    await pushSmallBase(registries.repository({ registry: registry.host, repository: 'base/node' }), '24');
    const configuration = 'version: 1\nmodels:\n  digits: { path: models/digits-external/model.onnx }\n';
    const project = await createPublishProject(folder.path, { configuration });
    await project.record('digits-external');
    const publishIn = (
      name: string,
      model: string,
      environment: Record<string, string>,
      umask: number,
    ): PublishDocument => {
      const place = join(folder.path, name);
      const clone = join(place, 'a clone');
      mkdirSync(place);
      git(folder.path, 'clone', '--quiet', `file://${project.bare}`, clone);
      cpSync(join(project.clone, 'models'), join(clone, 'models'), { recursive: true });
      cpSync(join(project.folder, 'dist'), join(place, 'dist'), { recursive: true });
      mkdirSync(join(place, 'home'));
      // The remote is another user's, as on a shared server.
      writeFileSync(join(place, 'home/.gitconfig'), '[safe]\n\tdirectory = *\n');
      for (const path of everyPath(place)) {
        if (environment['TZ'] === undefined) continue;
        utimesSync(path, 1e9, 1e9);
        if (unprivilegedUser !== null) chownSync(path, unprivilegedUser.uid, unprivilegedUser.gid);
      }
      const options = {
        models: [model],
        image: [`${registry.host}/acme/digits`],
        baseImage: `${registry.host}/base/node:24`,
        insecure: [registry.host],
        platform: [],
        tag: [],
        dryRun: true,
        cwd: clone,
      };
      const script = join(projectRoot, 'test/support/publish-process.ts');
      const request = JSON.stringify({ options, dist: join(place, 'dist'), home: join(place, 'home') });
      const output = execFileSync(
        'sh',
        ['-c', `umask ${umask.toString(8)} && exec "$0" "$@"`, process.execPath, script, request],
        {
          env: {
            PATH: process.env['PATH'],
            HOME: join(place, 'home'),
            TMPDIR: place,
            ...environment,
          },
          ...(environment['TZ'] === undefined ? {} : (unprivilegedUser ?? {})),
        },
      );
      return JSON.parse(output.toString('utf8')) as PublishDocument;
    };
    const here = publishIn('here', 'digits', {}, 0o022);
    const nextYear = encodeURIComponent('const now = Date.now; Date.now = () => now() + 3e10;');
    const there = publishIn(
      'over there',
      'models/digits-external/model.onnx',
      {
        TZ: 'Asia/Kathmandu',
        LC_ALL: 'tr_TR.UTF-8',
        NODE_OPTIONS: `--import=data:text/javascript,${nextYear}`,
      },
      0o077,
    );
    expect(here.image.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(there.image).toEqual(here.image);
  });
});
