import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { addressProblem } from '../../../src/platforms/alerts/webhook-request.ts';
import { signWebhook } from '../../../src/platforms/alerts/webhook-signature.ts';

it('is the one of the published test vector of Standard Webhooks', () => {
  const headers = signWebhook({
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    sentAtMs: 1_614_265_330_000,
    body: '{"test": 2432232314}',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  });
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

it('takes any other text as the secret itself', () => {
  const message = { id: 'msg_1', sentAtMs: 5_999, body: '{}' };
  const expected = createHmac('sha256', 'a plain secret').update('msg_1.5.{}').digest('base64');
  expect(signWebhook({ ...message, secret: 'a plain secret' })['webhook-signature']).toBe(`v1,${expected}`);
  expect(signWebhook({ ...message, secret: 'another' })['webhook-signature']).not.toBe(`v1,${expected}`);
});

it.each([
  ['https://hooks.example/x', false, null],
  ['http://127.0.0.1:8080/x', false, null],
  ['http://hooks.example/x', true, null],
  ['http://hooks.example/x', false, 'without TLS'],
  ['http://127.evil.example/x', false, 'without TLS'],
  ['ftp://hooks.example/x', true, 'something else'],
  ['verySecret', true, 'does not hold an address'],
] as const)('an address such as %s, plain allowed: %s', (text, mayBePlain, problem) => {
  const said = addressProblem(text, mayBePlain);
  if (problem === null) expect(said).toBeNull();
  else expect(said).toContain(problem);
  expect(said ?? '').not.toContain('verySecret');
});
