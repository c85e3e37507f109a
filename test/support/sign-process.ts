/**
 * Signs a statement through sigstore, as a process whose environment says how to reach it: `node sign-process.ts FULCIO
 * REKOR TOKEN`. Prints the bundle. sigstore's client takes proxies and authorities from its process only.
 */
import { keylessSigner } from '../../src/container/proof/keyless.ts';

const [fulcioUrl = '', rekorUrl = '', token = ''] = process.argv.slice(2);
const signer = keylessSigner({ kind: 'given', token }, { fulcioUrl, rekorUrl }, process.env);
process.stdout.write(await signer.sign(Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}')));
