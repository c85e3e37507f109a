import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testAlerts } from '../../src/commands/alerts.ts';
import { renderSlack } from '../../src/report/alerts/slack.ts';
import { renderTeams } from '../../src/report/alerts/teams.ts';
import {
  AlertWorld,
  alertSurroundings,
  HOSTILE,
  item,
  kindsOf,
  newsOf,
  PAGER_SECRET,
  PLACES,
  SLACK_PATH,
} from '../support/alert-world.ts';
import { TEST_TOKEN } from '../support/github-server.ts';
import { EVERY_FAULT } from '../support/http-faults.ts';
import { git } from '../support/pull-request.ts';

let world: AlertWorld;
beforeEach(async () => {
  world = await AlertWorld.start();
});
afterEach(async () => {
  expect(world.violations).toEqual([]);
  await world[Symbol.asyncDispose]();
});

describe('messages', () => {
  it('arrive signed at a webhook, under an id that stays the same', async () => {
    world.hooks.fail({ kind: 'status', status: 500 }, 2);
    expect(kindsOf(await world.tell(newsOf([item()]), PLACES.slice(3)))).toEqual(['arrived']);
    const [message] = world.hooks.received;
    const {
      'webhook-id': id,
      'webhook-timestamp': sent,
      'webhook-signature': signature,
    } = message?.headers ?? {};
    const expected = createHmac('sha256', PAGER_SECRET)
      .update(`${id}.${sent}.${message?.body}`)
      .digest('base64');
    expect(signature).toBe(`v1,${expected}`);
    expect(id).toBe('msg_digitsdegraded');
    expect(JSON.parse(message?.body ?? '')).toMatchObject({
      type: 'quickserveml.production',
      data: { changes: [{ model: 'digits', change: 'degraded' }], degraded: [{ model: 'digits' }] },
    });
  });

  it('keep to the limits of Slack and Teams, and take a hostile name for text', () => {
    const many = newsOf(Array.from({ length: 500 }, () => item(HOSTILE.repeat(30))));
    const slack = renderSlack(many) as { blocks: { type: string; text?: { type: string; text: string } }[] };
    expect(slack.blocks.length).toBeLessThanOrEqual(50);
    for (const { type, text } of slack.blocks) {
      expect(text?.type ?? 'plain_text').toBe('plain_text');
      expect(text?.text.length ?? 0).toBeLessThanOrEqual(type === 'header' ? 150 : 3_000);
    }
    expect((slack as unknown as { text: string }).text).not.toContain('<');
    const teams = JSON.stringify(renderTeams(many));
    expect(Buffer.byteLength(teams)).toBeLessThan(28_000);
    expect(teams).not.toContain('"TextBlock"');
    expect(JSON.stringify([slack, teams])).not.toContain('\u202E');
  });

  it.each(Object.entries(EVERY_FAULT))(
    'say so in words without a secret when %s, and the others arrive',
    async (name, fault) => {
      const message = `quoted ${PAGER_SECRET} verySecretPath secretOfTeams`;
      // `webhook` asks again where that may help, chats would show the message twice.
      if (fault.kind === 'timeout') world.timeoutMs = 1_000;
      world.hooks.fail(fault.kind === 'status' ? { ...fault, message } : fault, name === '429' ? 4 : 1);
      const told = await world.tell(newsOf([item()]));
      expect(kindsOf(told)).toEqual(
        name === 'truncated JSON' ? Array(4).fill('arrived') : ['arrived', 'failed', 'arrived', 'arrived'],
      );
      const said = JSON.stringify(told.map(({ outcome }) => outcome));
      for (const secret of [PAGER_SECRET, 'verySecretPath', 'secretOfTeams', TEST_TOKEN])
        expect(said).not.toContain(secret);
    },
  );

  it('go nowhere without an address, to no plain one, and follow no redirect', async () => {
    const reasonOf = async (url: string): Promise<unknown> => {
      const [told] = await world.tell(newsOf([item()]), [PLACES[1]!], {
        ...world.environment('github'),
        SLACK: url,
      });
      return told?.outcome.kind === 'failed' ? told.outcome.reason : told?.outcome;
    };
    expect(await reasonOf('')).toBe('SLACK is not set');
    expect(await reasonOf('http://hooks.example/verySecretPath')).toBe(
      'SLACK holds an address without TLS (http:)',
    );
    expect(await reasonOf('verySecretPath')).toBe('SLACK does not hold an address');
    world.hooks.fail({ kind: 'status', status: 302, headers: { location: world.hooks.urlOf('/elsewhere') } });
    expect(await reasonOf(world.hooks.urlOf(SLACK_PATH))).toContain('redirects are not followed');
    expect(world.hooks.received).toEqual([]);
  });
});

describe('alerts test', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quickserveml alerts '));
    git(folder, 'init', '--quiet');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const configure = (text: string): void => writeFileSync(join(folder, 'quickserveml.yml'), text);
  const run = (place: readonly string[] = []) =>
    testAlerts({ cwd: folder, place }, alertSurroundings({ ...world.environment(), HOME: folder }));

  it('sends a sample to each place, says for each whether it arrived, and leaves no open issue', async () => {
    configure(`alerts:
  places:
    tracker: { kind: issue }
    team: { kind: slack, url-env: SLACK }
    gone: { kind: teams, url-env: NOT_SET }
    pager: { kind: webhook, url-env: PAGER, secret-env: PAGER_SECRET }
`);
    const { document, text, exitCode } = await run();
    expect(exitCode).toBe(3);
    expect(document).toMatchObject({
      places: [
        { place: 'tracker', arrived: true },
        { place: 'team', arrived: true },
        { place: 'gone', arrived: false, detail: 'NOT_SET is not set' },
        { place: 'pager', arrived: true },
      ],
    });
    expect(text).toContain('gone (teams): did not arrive: NOT_SET is not set');
    expect(world.github.issues).toMatchObject([{ state: 'closed', title: 'QuickServeML: a sample alert' }]);
    expect(world.hooks.received.map(({ body }) => body).join()).toContain('nothing is wrong');
    expect(await run(['team'])).toMatchObject({ exitCode: 0 });
    expect(world.github.issues).toHaveLength(1);
  });

  it('says what is missing in the configuration, and repeats no secret that stands in it', async () => {
    await expect(run()).rejects.toMatchObject({ code: 'USAGE' });
    configure(
      'alerts:\n  places:\n    team: { kind: slack, url-env: "https://hooks.example/verySecretPath" }\n',
    );
    const refusal = await run().catch((thrown: Error) => thrown);
    expect(refusal).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String((refusal as Error).message)).not.toContain('verySecretPath');
    configure(
      'alerts:\n  places:\n    pager: { kind: webhook, url-env: PAGER }\n    b: { kind: slack, url-env: A, labels: [x] }\n',
    );
    await expect(run()).rejects.toMatchObject({
      message: expect.stringContaining('needs the key "secret-env"'),
    });
    await expect(run()).rejects.toMatchObject({
      message: expect.stringContaining('is not a key of the kind slack'),
    });
  });
});
