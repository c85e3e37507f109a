import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** What every tool gets: the base is in the registry, and where a tool keeps images, also there already. */
export interface Workload {
  readonly folder: string;
  readonly host: string;
  readonly application: string;
  /** Same size, other bytes. */
  readonly models: readonly [string, string];
}

/** One tool; each function ends with the image in the registry. `round` makes repositories new. */
export interface Peer {
  readonly name: string;
  readonly prepare: () => void;
  readonly first: (round: number) => void;
  readonly label: (round: number) => void;
  readonly model: (round: number) => void;
}

const has = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

function runIn(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = process.env): void {
  execFileSync(command, [...args], { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
}

function umoci({ folder, host, application, models }: Workload): Peer {
  const layout = join(folder, 'umoci');
  const tag = (round: number, step: string): string => `${layout}:r${round}-${step}`;
  const insert = (image: string, target: string, from: string, to: string): void =>
    runIn('umoci', ['insert', '--rootless', '--image', image, '--tag', target, from, to]);
  const push = (image: string, repository: string): void =>
    runIn('skopeo', ['copy', '--dest-tls-verify=false', `oci:${image}`, `docker://${host}/${repository}:1`]);
  const name = (image: string): string => image.slice(image.lastIndexOf(':') + 1);
  return {
    name: 'umoci insert + skopeo copy',
    prepare: () =>
      runIn('skopeo', [
        'copy',
        '--src-tls-verify=false',
        `docker://${host}/base/node:24`,
        `oci:${layout}:base`,
      ]),
    first: round => {
      insert(`${layout}:base`, name(tag(round, 'app')), application, '/app');
      insert(tag(round, 'app'), name(tag(round, 'one')), models[0], '/models/m/model.onnx');
      push(tag(round, 'one'), `umoci/r${round}`);
    },
    label: round => {
      const changed = name(tag(round, 'label'));
      runIn('umoci', [
        'config',
        '--image',
        tag(round, 'one'),
        '--tag',
        changed,
        '--config.label',
        `round=${round}`,
      ]);
      push(tag(round, 'label'), `umoci/r${round}`);
    },
    model: round => {
      insert(tag(round, 'app'), name(tag(round, 'two')), models[1], '/models/m/model.onnx');
      push(tag(round, 'two'), `umoci/r${round}`);
    },
  };
}

function buildah({ folder, host, application, models }: Workload): Peer {
  const storage = [
    '--root',
    join(folder, 'buildah'),
    '--runroot',
    join(folder, 'buildah-run'),
    '--storage-driver',
    'vfs',
  ];
  const run = (...args: readonly string[]): void => runIn('buildah', [...storage, ...args]);
  const build = (
    round: number,
    step: string,
    from: string,
    label: string | null,
    model: string | null,
  ): void => {
    const container = `${step}${round}`;
    run('from', '--tls-verify=false', '--pull=never', '--name', container, from);
    if (model !== null) {
      // The application is a layer of its own, as with the others: committed before the model is added.
      if (step === 'first') {
        run('copy', '--quiet', container, application, '/app');
        run('commit', '--quiet', container, `localhost/app:${round}`);
        run('rm', container);
        run('from', '--tls-verify=false', '--pull=never', '--name', container, `localhost/app:${round}`);
      }
      run('copy', '--quiet', container, model, '/models/m/model.onnx');
    }
    if (label !== null) run('config', '--label', label, container);
    run('commit', '--quiet', container, `localhost/image:${round}`);
    run(
      'push',
      '--quiet',
      '--tls-verify=false',
      `localhost/image:${round}`,
      `docker://${host}/buildah/r${round}:1`,
    );
    run('rm', container);
  };
  return {
    name: 'buildah',
    prepare: () => run('pull', '--quiet', '--tls-verify=false', `${host}/base/node:24`),
    first: round => build(round, 'first', `${host}/base/node:24`, null, models[0]),
    label: round => build(round, 'label', `localhost/image:${round}`, `round=${round}`, null),
    model: round => build(round, 'model', `localhost/app:${round}`, null, models[1]),
  };
}

/** The tools that this machine has, and the names of those that it lacks. */
export function peersOn(workload: Workload): {
  readonly peers: readonly Peer[];
  readonly missing: readonly string[];
} {
  mkdirSync(workload.folder, { recursive: true });
  const all = [
    { peer: umoci(workload), commands: ['umoci', 'skopeo'] },
    { peer: buildah(workload), commands: ['buildah'] },
  ];
  return {
    peers: all.filter(({ commands }) => commands.every(has)).map(({ peer }) => peer),
    missing: all.flatMap(({ commands }) => commands.filter(command => !has(command))),
  };
}

/** What nobody can go below: each byte is hashed once and sent once, by sha256sum and curl. */
export function floor(host: string, repository: string, files: readonly string[]): void {
  for (const file of files) {
    const digest = execFileSync('sha256sum', [file], { encoding: 'utf8' }).slice(0, 64);
    const begun = execFileSync(
      'curl',
      ['-sS', '-X', 'POST', '-D', '-', '-o', '/dev/null', `http://${host}/v2/${repository}/blobs/uploads/`],
      { encoding: 'utf8' },
    );
    const location = /^location: (\S+)/im.exec(begun)?.[1] ?? '';
    const url = `${location}${location.includes('?') ? '&' : '?'}digest=sha256:${digest}`;
    runIn('curl', [
      '-sSf',
      '-o',
      '/dev/null',
      '-T',
      file,
      '-H',
      'content-type: application/octet-stream',
      url,
    ]);
  }
}
