import { createHmac } from 'node:crypto';

const BASE64_SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/u;

/** A secret of the form `whsec_` and base64 stands for its bytes, any other one for its own text. */
const keyOf = (secret: string): Buffer => {
  const encoded = BASE64_SECRET.exec(secret)?.[1];
  return encoded === undefined ? Buffer.from(secret, 'utf8') : Buffer.from(encoded, 'base64');
};

/**
 * Headers by which a receiver knows who sent a body, and when: Standard Webhooks 1.0.0 (standardwebhooks.com), for which
 * there are libraries in most languages. HMAC-SHA256 over `id.timestamp.body`.
 * @param id the same for every attempt to deliver the same message; without a dot
 * @param sentAtMs milliseconds since the epoch
 */
export function signWebhook(message: {
  readonly id: string;
  readonly sentAtMs: number;
  readonly body: string;
  readonly secret: string;
}): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(message.sentAtMs / 1000));
  const signature = createHmac('sha256', keyOf(message.secret))
    .update(`${message.id}.${timestamp}.${message.body}`)
    .digest('base64');
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
