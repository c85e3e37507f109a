import { type Command, CommanderError, Option } from 'commander';
import { PROOF_MODES } from '../../config/proof-modes.ts';
import { type CommandHost, collect, positiveInteger } from '../command-host.ts';

/** For `--gate`. */
function collectGate(value: string, previous: readonly string[]): readonly string[] {
  if (['passed', 'warned', 'no-verdict'].includes(value)) return collect(value, previous);
  throw new CommanderError(2, 'quickserveml.usage', `"${value}" is not passed, warned or no-verdict`);
}

/** Declares the commands about images; what they do is loaded when one of them runs. */
export function declareImages(program: Command, { common, run }: CommandHost): void {
  common(program.command('publish <model...>'))
    .description('an image of a version that passed, pushed without a daemon')
    .option('--config <file>', 'configuration file')
    .option('--branch <name>', 'registry branch (default: what the configuration says)')
    .option('--remote <url>', 'repository that holds the branch (default: this one)')
    .option(
      '--image <name>',
      'where it goes: ghcr.io/acme/digits (may be repeated: several registries)',
      collect,
      [],
    )
    .option('--base-image <name>', 'the image underneath (default: a distroless Node.js)')
    .option(
      '--platform <platform>',
      'linux/amd64 or linux/arm64 (may be repeated; default: both)',
      collect,
      [],
    )
    .option('--output <path>', 'write an OCI layout: a folder, or an archive (image.tar)')
    .option('--tag <tag>', 'a further tag (may be repeated)', collect, [])
    .option('--allow-move', 'move tags that stand for something else')
    .option('--force', 'publish although the conditions are not met; that is recorded')
    .option('--reason <text>', 'why; goes into the record')
    .option('--promote <status>', 'give the version this status once the image is out, and the image its tag')
    .option('--port <number>', 'port of the server (default: 8000)', positiveInteger)
    .option('--created <time>', 'time that the image declares (default: of the commit)')
    .option(
      '--insecure <host>',
      'this registry may be on plain HTTP or have any certificate (may be repeated)',
      collect,
      [],
    )
    .option('--registry-ca <file>', 'certificates of a private authority (PEM)')
    .option(
      '--runtime-path <folder>',
      'folder of an installed onnxruntime-node with the files of the platforms',
    )
    .addOption(
      new Option('--proofs <mode>', 'who signs verdict, provenance and bill of materials').choices(
        PROOF_MODES,
      ),
    )
    .option('--dry-run', 'say what would be published, with its digests')
    .action((models: readonly string[], options) =>
      run(options, async (world, cwd) => {
        const { publish } = await import('../publish.ts');
        return publish({ ...options, models, cwd }, world);
      }),
    );

  common(program.command('verify-image <image>'))
    .description('whether an image is proven: the way from image to model, verdict and commit, by signatures')
    .option('--key <file>', 'public key (ECDSA P-256, PEM) whose signatures count')
    .option('--certificate-identity <identity>', 'signed without a key: whose certificate counts, exactly')
    .option('--certificate-oidc-issuer <url>', 'signed without a key: who vouches for the identity, exactly')
    .option('--trusted-root <file>', "authorities of a sigstore of your own (default: the public one's)")
    .option(
      '--gate <outcome>',
      'outcome of the verdict that is good enough (may be repeated; default: passed, warned)',
      collectGate,
      [],
    )
    .option(
      '--insecure <host>',
      'this registry may be on plain HTTP or have any certificate (may be repeated)',
      collect,
      [],
    )
    .option('--registry-ca <file>', 'certificates of a private authority (PEM)')
    .action((image: string, options) =>
      run(options, async (world, cwd) => {
        const { verifyImage } = await import('../verify-image.ts');
        return verifyImage({ ...options, image, cwd }, world);
      }),
    );
}
