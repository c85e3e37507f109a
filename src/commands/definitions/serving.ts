import { type Command, CommanderError } from 'commander';
import { type CommandHost, collect, positiveInteger } from '../command-host.ts';

function portNumber(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new CommanderError(2, 'quickserveml.usage', `"${value}" is not a port`);
}

/** Declares `serve`. */
export function declareServing(program: Command, { common, run }: CommandHost): void {
  common(program.command('serve'))
    .description('serve models over HTTP, as the image does; --json prints one document when it is ready')
    .argument('<models...>', 'files, name@version=file, or name[@version] of the registry')
    .option('--port <n>', 'where to listen; 0 takes a free port (default: 8000)', portNumber)
    .option('--host <address>', 'on which address to listen (default: 127.0.0.1)')
    .option('--workers <n>', 'processes that run models (default: one for each processor)', positiveInteger)
    .option('--threads <n>', 'intra-op threads of each (default: 1)', positiveInteger)
    .option('--provider <name>', 'execution provider (default: cpu)')
    .option('--settings <file>', 'JSON file with limits, access, watching, ...')
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .option('--config <file>', 'configuration file')
    .option('--branch <name>', 'registry branch')
    .option('--remote <name>', 'remote of the registry branch')
    .option('--insecure <host>', 'container registry that may be spoken to over plain HTTP', collect, [])
    .option('--registry-ca <file>', 'certificates of a private authority (PEM), for container registries')
    .action((models: string[], options) =>
      run(options, async (world, cwd) => {
        const { serveCommand } = await import('../serve.ts');
        return serveCommand({ ...options, models, cwd }, world);
      }),
    );
}
