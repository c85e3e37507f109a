import type { Command } from 'commander';
import type { CommandHost } from '../command-host.ts';

/** Declares `runtime`: onnxruntime's files. */
export function declareRuntime(program: Command, { common, run }: CommandHost): void {
  const runtime = program.command('runtime').description("onnxruntime's files");
  for (const action of ['status', 'install'] as const) {
    common(runtime.command(action))
      .description(
        action === 'status'
          ? 'which onnxruntime would be used'
          : 'fetch it into the cache if it is not there',
      )
      .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
      .action(options =>
        run(options, async (world, cwd) => {
          const { runtimeCommand } = await import('../runtime.ts');
          return runtimeCommand({ ...options, action, cwd }, world);
        }),
      );
  }
}
