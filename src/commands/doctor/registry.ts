import type { Config } from '../../config/config.ts';
import type { Repository } from '../../git/repository.ts';
import type { CiContext } from '../../platforms/context.ts';
import type { PushOutcome } from '../../registry/push-outcome.ts';
import { probeRegistry } from '../../registry/registry-probe.ts';
import { refusedError } from '../../registry/write-failures.ts';
import { messageOf } from '../../shared/errors.ts';
import { checkRegistryOptions, recordIntent, registryRemote } from '../check/recording.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DoctorLine, ok, problem, problemOf, warning } from './line.ts';

function pushLine(
  push: PushOutcome,
  { branch, remote }: { readonly branch: string; readonly remote: string },
  whyNotDue: string | null,
): DoctorLine {
  switch (push.kind) {
    case 'accepted':
      return ok('registry', 'A push is let in (rehearsed by git, nothing was sent)');
    case 'refused': {
      const error = refusedError(branch, remote, push.reason);
      if (whyNotDue === null) return problemOf('registry', error);
      return warning('registry', `This run does not record: ${whyNotDue}. ${error.message}`, error.hint);
    }
    case 'overtaken':
    case 'locked':
      return warning('registry', `The push could not be rehearsed: ${push.reason}`, 'Run doctor again.');
    case 'unclear':
      return problem(
        'registry',
        'REMOTE_UNREACHABLE',
        `The push could not be rehearsed: ${messageOf(push.error)}`,
        'Check the network and the remote, then run again.',
      );
  }
}

/**
 * The registry branch: reachable, of a known format, and whether a push would be let in. Nothing on the remote changes.
 * @throws QuickServeError as probeRegistry.
 */
export async function registryLines(
  config: Config,
  context: CiContext,
  repository: Repository,
  world: Surroundings,
): Promise<readonly DoctorLine[]> {
  const remote = registryRemote(config, repository);
  if (remote === null) return [ok('registry', 'There is no remote that could hold the registry branch')];
  const intent = recordIntent(config, context, repository);
  const options = await checkRegistryOptions(config, context, repository, remote, world);
  const { branch, exists, waiting, push } = await probeRegistry(options);
  const crowd = waiting === 0 ? '' : `, ${waiting} entries wait in its inbox`;
  return [
    ok(
      'registry',
      exists
        ? `Branch ${branch} can be read, and its format is known${crowd}`
        : `Branch ${branch} does not exist yet: the first recorded check creates it`,
    ),
    pushLine(push, { branch, remote: remote.url }, intent.kind === 'record' ? null : intent.reason),
  ];
}
