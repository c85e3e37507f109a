import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type CommandHost, collect } from '../command-host.ts';

/** Declares what reviews a change: `check`, `merge`, `comment` and `report`. */
export function declareReview(program: Command, { common, run, usesColor }: CommandHost): void {
  common(program.command('check'))
    .description('inspect, compare contracts, measure against the base, decide, report, and record')
    .option('--config <file>', 'configuration file (default: quickserveml.yml, if there is one)')
    .addOption(new Option('--base <ref>', 'commit, branch or tag to compare with').conflicts('against'))
    .option('--against <model>', 'a model file to compare the one checked model with')
    .option('--model <name>', 'check only this model (name or path; may be repeated)', collect)
    .addOption(
      new Option('--shard <i/n>', 'check only the i-th of n parts; `merge` gives the verdict').conflicts([
        'against',
        'comment',
      ]),
    )
    .option('--report-dir <folder>', 'write report.json, report.html, report.md and junit.xml there')
    .option('--report-format <names>', 'there as well: sarif,csv,openmetrics,codequality,pdf,text')
    .addOption(
      new Option('--record <when>', 'record on the registry branch').choices(['auto', 'always', 'never']),
    )
    .option(
      '--accept <finding>',
      'accept a finding on purpose, e.g. slower:digits (may be repeated)',
      collect,
    )
    .option('--budget <duration>', 'time to measure one model, e.g. 30s')
    .option('--runtime <version>', 'version of onnxruntime-node; the base keeps its own')
    .option('--comment', 'comment on the pull or merge request, where a token allows it')
    .option('--comment-author <login>', 'as whom the token comments (Jenkins with GitHub needs it)')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .option('--dry-run', 'print what would be measured and recorded, do nothing')
    .action(options =>
      run(options, async (world, cwd) => {
        const { checkCommand } = await import('../check-command.ts');
        return checkCommand({ ...options, cwd, color: usesColor(options) }, world);
      }),
    );

  common(program.command('comment'))
    .description('post a saved report on its pull request (for a privileged follow-up job)')
    .requiredOption('--report <file>', 'report.json of the measuring job')
    .option('--key <name>', 'tells the comments of several workflows apart', 'default')
    .option('--author <login>', 'as whom the token comments (Jenkins with GitHub needs it)')
    .action(options =>
      run(options, async (world, cwd) => {
        const { commentCommand } = await import('../comment.ts');
        return commentCommand({ ...options, cwd }, world);
      }),
    );

  common(program.command('merge'))
    .description("make one report, one verdict and one comment of the shards' reports")
    .argument('<reports...>', 'report.json of every shard, or folders in which they are')
    .option('--config <file>', 'configuration file (default: quickserveml.yml, if there is one)')
    .addOption(
      new Option('--record <when>', 'record on the registry branch').choices(['auto', 'always', 'never']),
    )
    .option('--report-dir <folder>', 'write report.json, report.html, report.md and junit.xml there')
    .option('--report-format <names>', 'there as well: sarif,csv,openmetrics,codequality,pdf,text')
    .option('--comment', 'comment on the pull or merge request, where a token allows it')
    .option('--comment-author <login>', 'as whom the token comments (Jenkins with GitHub needs it)')
    .action((reports: readonly string[], options) =>
      run(options, async (world, cwd) => {
        const { mergeCommand } = await import('../merge.ts');
        return mergeCommand({ ...options, reports, cwd, color: usesColor(options) }, world);
      }),
    );

  common(program.command('report'))
    .description('turn a saved report into another format')
    .argument('<report>', 'report.json')
    .addOption(
      new Option('--format <name>', 'format')
        .choices([
          'markdown',
          'html',
          'json',
          'junit',
          'sarif',
          'csv',
          'openmetrics',
          'codequality',
          'pdf',
          'text',
        ])
        .default('markdown'),
    )
    .option('-o, --output <file>', 'write there instead of stdout')
    .action((report: string, options) =>
      run(options, async (_world, cwd) => {
        const { reportCommand } = await import('../report.ts');
        return reportCommand({ ...options, cwd, report: resolve(cwd, report), color: usesColor(options) });
      }),
    );
}
