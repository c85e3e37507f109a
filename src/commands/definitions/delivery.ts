import { Argument, type Command, CommanderError } from 'commander';
import { TARGET_NAMES, type TargetName } from '../../delivery/target-names.ts';
import { type CommandHost, positiveInteger } from '../command-host.ts';

/** For an option that measures something. */
function positiveNumber(value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number > 0) return number;
  throw new CommanderError(2, 'quickserveml.usage', `"${value}" is not a number above 0`);
}

/** Declares the commands that bring an image to where it runs. */
export function declareDelivery(program: Command, { common, run }: CommandHost): void {
  const deploy = program.command('deploy').description('bring an image to where it runs');
  common(deploy.command('render'))
    .description('manifests of one target, sized by the measurement')
    .addArgument(new Argument('<target>', 'where it is to run').choices(TARGET_NAMES))
    .option('--config <file>', 'configuration file')
    .option('--branch <name>', 'registry branch (default: what the configuration says)')
    .option('--remote <url>', 'repository that holds the branch (default: this one)')
    .option(
      '--model <name[@version]>',
      'of the registry: its measurement, and the image that was published last',
    )
    .option('--image <name>', 'image, best by digest (default: what was published last of --model)')
    .option('--name <name>', 'name of what is created (default: of the model, or of the image)')
    .option(
      '--port <number>',
      'port of the server (default: as it was published, else publish.port)',
      positiveInteger,
    )
    .option('--load <number>', 'predictions a second that are to be answered', positiveNumber)
    .option('--replicas <number>', 'copies that always run', positiveInteger)
    .option('--max-replicas <number>', 'copies at most', positiveInteger)
    .option('--cpus <number>', 'processors of one copy', positiveNumber)
    .option('--memory <size>', 'memory of one copy: 1GiB')
    .option('-o, --output <folder>', 'write the manifests there instead of printing them')
    .action((target: TargetName, options) =>
      run(options, async (world, cwd) => {
        const { renderDeployment } = await import('../deploy.ts');
        return renderDeployment({ ...options, target, cwd }, world);
      }),
    );
}
