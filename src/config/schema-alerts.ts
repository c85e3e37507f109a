import type { JsonSchema } from './json-schema.ts';

const environmentName = (description: string, example: string): JsonSchema => ({
  title: 'the name of an environment variable',
  description,
  type: 'string',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
  maxLength: 200,
  // Whoever puts the secret itself here must not find it in a log as well.
  writeOnly: true,
  examples: [example],
});

const PLACE: JsonSchema = {
  type: 'object',
  description: 'One place that is told.',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: {
      description:
        '`issue`: one issue on GitHub or GitLab, opened, commented and closed. `slack` and `teams`: a message by webhook. `webhook`: signed JSON to any address.',
      enum: ['issue', 'slack', 'teams', 'webhook'],
    },
    'url-env': environmentName(
      'Environment variable that holds the address of the webhook. For `slack`, `teams` and `webhook`.',
      'SLACK_WEBHOOK_URL',
    ),
    'secret-env': environmentName(
      'Environment variable that holds the secret by which messages are signed (HMAC-SHA256). For `webhook`.',
      'ALERT_WEBHOOK_SECRET',
    ),
    'token-env': environmentName(
      'Environment variable that holds the token that may write issues. For `issue`. Default: the token of the job (GITHUB_TOKEN, GITLAB_TOKEN).',
      'ISSUE_TOKEN',
    ),
    repository: {
      title: 'a repository such as acme/models',
      description:
        'Repository, or project of GitLab, that has the issue. For `issue`. Default: the one that the run is in, else that of the clone.',
      type: 'string',
      pattern: '^[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+$',
      maxLength: 255,
      examples: ['acme/models'],
    },
    labels: {
      description: 'Further labels of the issue, beside `quickserveml`. For `issue`.',
      type: 'array',
      maxItems: 20,
      items: { title: 'a label without a comma', type: 'string', pattern: '^[^,]{1,50}$' },
      examples: [['models']],
    },
  },
};

/** Who is told when a model in production gets worse or recovers; what a run of `watch` sends is in docs/schedules-and-alerts.md. */
export const ALERTS_SCHEMA: JsonSchema = {
  type: 'object',
  description: 'Who is told when `watch` finds that a model in production got worse or has recovered.',
  additionalProperties: false,
  properties: {
    after: {
      description:
        'In how many runs of `watch` in a row a model has to be worse before it is told. In each it is measured twice.',
      type: 'integer',
      minimum: 1,
      maximum: 10,
      default: 1,
    },
    places: {
      description: 'The places, by a name of your own, under which it is remembered what each was told.',
      type: 'object',
      propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' },
      additionalProperties: PLACE,
      examples: [{ team: { kind: 'slack', 'url-env': 'SLACK_WEBHOOK_URL' } }],
    },
  },
};
