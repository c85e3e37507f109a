import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SigningKeys {
  /** PKCS #8 in PEM. */
  readonly privateKey: string;
  readonly publicKeyFile: string;
}

/** A new pair on P-256; the public one is written to a file of that name. */
export function makeSigningKeys(folder: string, name = 'image'): SigningKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const publicKeyFile = join(folder, `${name}.pub`);
  writeFileSync(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return { privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })), publicKeyFile };
}
