import { type Command, Option } from 'commander';
import type { CommandHost } from '../command-host.ts';

/** Declares what brings the tool into a repository: `init`. */
export function declareStart(program: Command, { common, run }: CommandHost): void {
  common(program.command('init'))
    .description('the files that bring the check into this repository: shown, and written with --yes')
    .addOption(
      new Option('--ci <name>', 'for which CI (default: what the repository shows)').choices([
        'github',
        'gitlab',
        'jenkins',
      ]),
    )
    .option('--yes', 'write the files; none that is there is overwritten')
    .action(options =>
      run(options, async (world, cwd) => {
        const { initCommand } = await import('../init.ts');
        return initCommand({ ...options, cwd }, world);
      }),
    );
}
