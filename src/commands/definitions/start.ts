import { type Command, Option } from 'commander';
import { type CommandHost, collect } from '../command-host.ts';

/** Declares what brings the tool into a repository: `init`, `doctor`, and `demo`, which shows it. */
export function declareStart(program: Command, { common, run, usesColor }: CommandHost): void {
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
  common(program.command('doctor'))
    .description('what a check needs on this machine, whether it is there, and what to do where it is not')
    .option('--config <file>', 'configuration file (default: quickserveml.yml in the root of the repository)')
    .option('--comment-author <login>', 'as whom the token comments, where it may not ask')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .option('--registry-ca <file>', 'certificates (PEM) to trust for container registries')
    .option('--insecure <host>', 'container registry without TLS or with any certificate', collect, [])
    .action(options =>
      run(options, async (world, cwd) => {
        const { doctorCommand } = await import('../doctor.ts');
        return doctorCommand({ ...options, cwd }, world);
      }),
    );
  common(program.command('demo'))
    .description('the whole job on sample models, in a temporary folder')
    .option('--budget <duration>', 'time to measure one model (default: as check does it)')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action(options =>
      run(options, async world => {
        const { demoCommand } = await import('../demo.ts');
        return demoCommand({ ...options, color: usesColor(options) }, world);
      }),
    );
}
