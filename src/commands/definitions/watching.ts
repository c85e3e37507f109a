import { type Command, Option } from 'commander';
import { type CommandHost, collect } from '../command-host.ts';

/** Declares what looks after models that are in production: `watch` and `alerts`. */
export function declareWatching(program: Command, { common, run, usesColor }: CommandHost): void {
  common(program.command('watch'))
    .description('measure what is in production, compare it with its own history, record, and tell')
    .option('--config <file>', 'configuration file (default: quickserveml.yml, if there is one)')
    .option('--branch <name>', 'registry branch (default: what the configuration says)')
    .option('--remote <url>', 'repository that holds the branch (default: this one)')
    .option('--model <name>', 'only this model (may be repeated)', collect)
    .option(
      '--accept <name>',
      'take the present level of a model as the normal one (may be repeated)',
      collect,
    )
    .option('--report-dir <folder>', 'write report.json, report.html, report.md and junit.xml there')
    .option('--report-format <names>', 'there as well: sarif,csv,openmetrics,codequality,pdf,text')
    .addOption(
      new Option('--record <when>', 'record on the registry branch, and tell the places of `alerts`').choices(
        ['auto', 'always', 'never'],
      ),
    )
    .option('--budget <duration>', 'time to measure one model, e.g. 30s')
    .option('--runtime <version>', 'version of onnxruntime-node')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .option(
      '--insecure <host>',
      'this registry may be on plain HTTP or have any certificate (may be repeated)',
      collect,
      [],
    )
    .option('--registry-ca <file>', 'certificates of a private authority (PEM)')
    .option('--dry-run', 'print what would be measured and who would be told, do nothing')
    .action(options =>
      run(options, async (world, cwd) => {
        const { watchCommand } = await import('../watch-command.ts');
        return watchCommand({ ...options, cwd, color: usesColor(options) }, world);
      }),
    );

  const alerts = program.command('alerts').description('who is told when a model in production gets worse');
  common(alerts.command('test'))
    .description('send a sample to every configured place, and say for each whether it arrived')
    .option('--config <file>', 'configuration file (default: quickserveml.yml, if there is one)')
    .option('--place <name>', 'only this place (may be repeated)', collect, [])
    .action(options =>
      run(options, async (world, cwd) => {
        const { testAlerts } = await import('../alerts.ts');
        return testAlerts({ ...options, cwd }, world);
      }),
    );
}
