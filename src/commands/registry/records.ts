import { readAuditLog } from '../../registry/audit.ts';
import type { EventRecord } from '../../registry/records.ts';
import { parseSelector, selectModel, selectVersion } from '../../registry/selector.ts';
import { compareVersions } from '../../registry/version-comparison.ts';
import { QuickServeError } from '../../shared/errors.ts';
import type { CommandResult } from '../command-result.ts';
import type { Surroundings } from '../surroundings.ts';
import { openSession, type RegistryCommandOptions, readExisting } from './session.ts';
import { metricText, minuteOf, table } from './texts.ts';

/** `registry compare NAME[@VERSION] NAME[@VERSION]`. */
export async function compareTwo(
  options: RegistryCommandOptions & { readonly one: string; readonly other: string },
  world: Surroundings,
): Promise<CommandResult> {
  const session = await openSession(options, world);
  const selectors = [parseSelector(options.one), parseSelector(options.other)] as const;
  const registry = await readExisting(session, {
    models: [...new Set(selectors.map(({ model }) => model))],
    measurementLimit: 20,
  });
  const pick = ({ model, version }: (typeof selectors)[number]) => {
    const selected = selectModel(registry, model);
    return { model: selected.model, state: selectVersion(selected, version) };
  };
  const [one, other] = [pick(selectors[0]), pick(selectors[1])];
  const fields = compareVersions(one, other);
  const show = (field: string, value: string | number | null): string =>
    typeof value === 'number' ? metricText(field, value) : shortened(field, value ?? '');
  const rows = fields.map(({ field, one: left, other: right, same, change }) => [
    field,
    show(field, left),
    show(field, right),
    same ? '' : change === null ? 'differs' : `${change > 0 ? '+' : ''}${(change * 100).toFixed(1)} %`,
  ]);
  const header = [
    '',
    `${one.model.name} ${one.state.version.version}`,
    `${other.model.name} ${other.state.version.version}`,
    'change',
  ];
  return {
    document: { one: header[1], other: header[2], fields },
    text: table(header, rows, 'lllr'),
    exitCode: 0,
  };
}

/** As people read it in a table; `--json` has it whole. */
function shortened(field: string, value: string): string {
  if (field === 'sha256' || field === 'commit') return value.slice(0, 12);
  return field === 'recorded' ? minuteOf(value) : value;
}

function whatHappened(event: EventRecord): string {
  switch (event.kind) {
    case 'status':
      return `set to ${event.status}`;
    case 'approval':
      return `approved for ${event.status}`;
    case 'tombstone':
      return 'deleted';
    case 'deployment': {
      const images = event.images.map(
        ({ name, digest, tags }) => `${name}@${digest} (${tags.join(', ') || 'no tags'})`,
      );
      return `published${event.forced ? ' by force' : ''}: ${images.join(', ')}`;
    }
    case 'health': {
      const machine = ` on machine ${event.fingerprint}`;
      if (event.acceptedFrom !== null) return `accepted as it is since ${event.acceptedFrom}${machine}`;
      const what = event.problems.map(problem => (problem.kind === 'broken' ? problem.code : problem.metric));
      return event.state === 'healthy' ? `well${machine}` : `worse${machine}: ${what.join(', ')}`;
    }
    case 'purge':
      return `bytes taken away: ${event.digests.map(digest => digest.slice(0, 12)).join(', ')}`;
    case 'update': {
      const { description, addTags, removeTags, owners, metrics, note } = event;
      return [
        ...(description === undefined ? [] : [`description: ${description}`]),
        ...(addTags ?? []).map(tag => `+${tag}`),
        ...(removeTags ?? []).map(tag => `-${tag}`),
        ...(owners === undefined ? [] : [`owners: ${owners.join(', ')}`]),
        ...Object.entries(metrics ?? {}).map(([name, value]) => `${name}: ${value ?? 'taken away'}`),
        ...(note === undefined ? [] : [`note: ${note}`]),
      ].join('; ');
    }
    default:
      return String((event as { readonly kind: unknown }).kind);
  }
}

/** `registry history NAME[@VERSION]`: versions and events in their order, what was in production when, measurements. */
export async function showHistory(
  options: RegistryCommandOptions & { readonly selector: string; readonly measurements?: boolean },
  world: Surroundings,
): Promise<CommandResult> {
  const session = await openSession(options, world);
  const { model: name, version: wanted } = parseSelector(options.selector);
  const registry = await readExisting(session, {
    models: [name],
    measurementLimit: options.measurements === true ? 10_000 : 0,
  });
  const selected = selectModel(registry, name);
  const { model, state } = selected;
  const only = wanted === null ? null : selectVersion(selected, wanted).version.version;
  const recorded = state.versions.map(({ version }) => ({
    version: version.version,
    at: version.createdAt,
    by: version.author.name,
    what: `recorded (${version.bump === 'none' ? 'first' : version.bump})`,
    reason: '',
  }));
  // Events keep their own order, by id, whatever the clocks of their writers said.
  const events = state.events.map(event => ({
    version: event.version ?? '',
    at: event.createdAt,
    by: event.author.name,
    what: whatHappened(event),
    reason: event.reason ?? '',
  }));
  const lines = [...recorded, ...events].filter(({ version }) => only === null || version === only);
  const measurements = [...model.measurements.values()]
    .flat()
    .filter(one => only === null || one.version === only);
  const parts = [
    table(
      ['version', 'when (UTC)', 'who', 'what', 'why'],
      lines.map(({ version, at, by, what, reason }) => [version, minuteOf(at), by, what, reason]),
      'lllll',
    ),
  ];
  if (state.productionHistory.length > 0) {
    const rows = state.productionHistory.map(span => [
      span.version,
      minuteOf(span.at),
      span.until === null ? 'now' : minuteOf(span.until),
      span.by.name,
      span.reason ?? '',
    ]);
    parts.push(table(['in production', 'from (UTC)', 'until', 'by', 'why'], rows, 'lllll'));
  }
  if (measurements.length > 0) {
    const rows = measurements.flatMap(one =>
      [one, ...(one.furtherInputs ?? [])].map(({ inputs, metrics }) => [
        one.version ?? '',
        minuteOf(one.createdAt),
        one.fingerprint.key,
        inputs?.name ?? '',
        Object.entries(metrics)
          .map(([metric, value]) => `${metric} ${metricText(metric, value)}`)
          .join(', '),
      ]),
    );
    parts.push(table(['measured', 'when (UTC)', 'machine', 'inputs', 'values'], rows, 'lllll'));
  }
  return {
    document: {
      model: name,
      versions: recorded,
      events: state.events,
      production: state.productionHistory,
      ...(options.measurements === true ? { measurements } : {}),
    },
    text: parts.join('\n\n'),
    exitCode: 0,
  };
}

/** `registry audit`: who did what when, from the commits; with `signed-commits` it fails where one is not signed. */
export async function showAudit(
  options: RegistryCommandOptions & { readonly limit?: string },
  world: Surroundings,
): Promise<CommandResult> {
  const session = await openSession(options, world);
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (Number.isNaN(limit) || limit < 1) {
    throw new QuickServeError({
      code: 'USAGE',
      message: `--limit ${options.limit ?? ''} is not a number of at least 1.`,
      hint: 'Leave it out to see all.',
    });
  }
  const commits = await readAuditLog(session.registry.access);
  const demanded = session.config.registry.signedCommits;
  const unsigned = commits.filter(({ signature }) => signature !== 'valid');
  const shown = commits.slice(0, limit);
  const rows = shown.map(({ at, author, subject, signature, commit }) => [
    minuteOf(at),
    `${author.name} <${author.email}>`,
    subject,
    signature,
    commit.slice(0, 10),
  ]);
  const complaint =
    demanded && unsigned.length > 0
      ? `\n\n${unsigned.length} of ${commits.length} commits are not signed by one of the signers, and registry.signed-commits demands it.`
      : '';
  return {
    document: { signedCommitsDemanded: demanded, unsigned: unsigned.length, commits: shown },
    text:
      rows.length === 0
        ? 'The registry has no history yet.'
        : table(['when (UTC)', 'who', 'what', 'signature', 'commit'], rows, 'lllll') + complaint,
    exitCode: complaint === '' ? 0 : 1,
  };
}
