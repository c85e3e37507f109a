import type { Command } from 'commander';
import { type CommandHost, collect } from '../command-host.ts';
import type { CommandResult } from '../command-result.ts';
import type { RegistryCommandOptions } from '../registry/session.ts';
import type { Surroundings } from '../surroundings.ts';

type Action = (
  options: RegistryCommandOptions & Readonly<Record<string, unknown>>,
  args: readonly string[],
  world: Surroundings,
) => Promise<CommandResult>;

/** Declares `registry` and its commands; what they do is loaded when one of them runs. */
export function declareRegistry(program: Command, { common, run }: CommandHost): void {
  const registry = program
    .command('registry')
    .description('the registry branch: versions, their life, measurements');

  const declare = (usage: string, description: string, action: Action): Command =>
    common(registry.command(usage).description(description))
      .option('--config <file>', 'configuration file')
      .option('--branch <name>', 'registry branch (default: what the configuration says)')
      .option('--remote <url>', 'repository that holds the branch (default: this one)')
      .option('--dry-run', 'say what would be written, write nothing')
      .action((...given: readonly unknown[]) => {
        const options = given.at(-2) as never;
        const args = given.slice(0, -2).map(String);
        return run(options, (world, cwd) => action({ ...(options as object), cwd }, args, world));
      });
  const filtered = (command: Command): Command =>
    command
      .option(
        '--status <status>',
        'draft, validated, staging, production, archived or failed (may be repeated)',
        collect,
        [],
      )
      .option('--tag <tag>', 'has this tag (may be repeated: all of them)', collect, [])
      .option('--author <text>', 'part of the name or address of who recorded it')
      .option('--where <range>', 'a range of a metric, e.g. "latency<5" (ms; may be repeated)', collect, [])
      .option('--search <words>', 'words in name, description, tags and notes')
      .option('--deleted', 'show deleted versions too');
  const reachingContainers = (command: Command): Command =>
    command
      .option(
        '--insecure <host>',
        'this container registry may be on plain HTTP or have any certificate (may be repeated)',
        collect,
        [],
      )
      .option('--registry-ca <file>', 'certificates of a private authority (PEM), for container registries');
  const lifecycle = () => import('../registry/lifecycle.ts');
  const upkeep = () => import('../registry/upkeep.ts');
  const lists = () => import('../registry/list.ts');
  const records = () => import('../registry/records.ts');
  const gets = () => import('../registry/get.ts');
  // The parser made the options that each function asks for.
  const as = <T>(value: object): T => value as T;

  declare('init', 'create the branch', async (options, _args, world) =>
    (await upkeep()).initRegistry(options, world),
  );
  reachingContainers(
    declare(
      'add <name> <file>',
      'add a model file as a version, without a check',
      async (options, [name, file], world) => {
        const { addVersion } = await import('../registry/add.ts');
        return addVersion(as({ ...options, name, file }), world);
      },
    ),
  )
    .option('--version <number>', 'its number (default: follows from the newest version and the contract)')
    .option('--status <status>', 'what it begins as (default: draft)')
    .option('--description <text>', 'what it is')
    .option('--tag <tag>', 'a tag (may be repeated)', collect, [])
    .option('--oci <reference>', 'its bytes are this OCI artifact, which must have them as a layer');
  filtered(
    declare('list', 'models and their newest versions', async (options, _args, world) =>
      (await lists()).listModels(as(options), world),
    ),
  );
  filtered(
    declare('versions <model>', 'versions of one model', async (options, [model], world) =>
      (await lists()).listVersions(as({ ...options, model }), world),
    ),
  );
  reachingContainers(
    declare(
      'get <model[@version]>',
      'everything about a version; its files with -o',
      async (options, [selector], world) => (await gets()).getVersion(as({ ...options, selector }), world),
    ),
  ).option('-o, --output <folder>', 'write its files there, sha256 checked');
  reachingContainers(
    declare(
      'export <model[@version]>',
      "a version's bytes, sha256 checked",
      async (options, [selector], world) => (await gets()).exportVersion(as({ ...options, selector }), world),
    ),
  ).requiredOption('-o, --output <path>', 'file, or folder where there are several files');
  declare(
    'update <model[@version]>',
    'description, tags, metrics, notes',
    async (options, [selector], world) =>
      (await lifecycle()).updateVersion(as({ ...options, selector }), world),
  )
    .option('--description <text>', 'what it is')
    .option('--tag <tag>', 'add a tag (may be repeated)', collect, [])
    .option('--untag <tag>', 'take a tag away (may be repeated)', collect, [])
    .option('--owner <name>', 'the owners of the model (may be repeated)', collect, [])
    .option('--metric <name=number>', 'a number of your own (may be repeated)', collect, [])
    .option('--note <text>', 'add a note')
    .option('--reason <text>', 'why');
  declare('promote <model[@version]>', 'give a version a status', async (options, [selector], world) =>
    (await lifecycle()).promoteVersion(as({ ...options, selector }), world),
  )
    .option('--to <status>', 'the status', 'production')
    .option('--approve', 'only approve of that promotion')
    .option('--rollback', 'put back into production what was there before')
    .option('--reason <text>', 'why');
  declare('delete <model[@version]>', 'mark as deleted (a tombstone)', async (options, [selector], world) =>
    (await lifecycle()).deleteVersion(as({ ...options, selector }), world),
  ).requiredOption('--reason <text>', 'why');
  declare('compare <one> <other>', 'two versions side by side', async (options, [one, other], world) =>
    (await records()).compareTwo(as({ ...options, one, other }), world),
  );
  declare('history <model[@version]>', 'what happened to a model', async (options, [selector], world) =>
    (await records()).showHistory(as({ ...options, selector }), world),
  ).option('--measurements', 'also all measurements');
  declare('audit', 'who did what when, from the commits', async (options, _args, world) =>
    (await records()).showAudit(options, world),
  ).option('--limit <n>', 'only so many');
  declare('verify', 'check everything on the branch', async (options, _args, world) =>
    (await upkeep()).verifyAll(as(options), world),
  ).option('--no-bytes', "leave out the models' sha256, which takes a download of all of them");
  declare('compact', 'pack closed months into one file each', async (options, _args, world) =>
    (await upkeep()).compact(as(options), world),
  ).option('--rewrite', 'also drop the history and the bytes of deleted versions (needs a force push)');
  declare(
    'backup <folder>',
    'the branch as a git bundle, with a manifest',
    async (options, [folder], world) => (await upkeep()).backup(as({ ...options, folder }), world),
  );
  declare('restore <folder>', 'prove a backup and put it in place', async (options, [folder], world) =>
    (await upkeep()).restore(as({ ...options, folder }), world),
  ).option('--force', 'replace a branch that has something else');
  declare(
    'import <file>',
    "github-action-benchmark's data.js, or the Python QuickServeML's SQLite file",
    async (options, [file], world) => (await upkeep()).importFile(as({ ...options, file }), world),
  ).option('--as <model>', 'name of the model that data.js is about (default: its suite)');
}
