import type { Command } from 'commander';
import { type CommandHost, collect } from '../command-host.ts';

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
  common(runtime.command('save'))
    .description('write its files into one archive, for machines without internet')
    .argument('<file>', 'a .tar archive')
    .option('--platform <os/arch>', 'linux/x64, ...: once for each (default: this machine)', collect, [])
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action((file, options) =>
      run(options, async (world, cwd) => {
        const { saveRuntimeCommand } = await import('../runtime.ts');
        return saveRuntimeCommand({ ...options, file, cwd }, world);
      }),
    );
  common(runtime.command('load'))
    .description('take the files of an archive of `runtime save` into the cache, each checked by its hash')
    .argument('<file>', 'the archive; it may be gzipped')
    .action((file, options) =>
      run(options, async (world, cwd) => {
        const { loadRuntimeCommand } = await import('../runtime.ts');
        return loadRuntimeCommand({ ...options, file, cwd }, world);
      }),
    );
}
