/**
 * Pushes a small image for two platforms, as a process that tests can kill: `node push-process.ts BASE TARGET TAG...`,
 * both `host/repository`. Prints the digest of its index first.
 */
import { pushImage } from '../../src/container/image/push.ts';
import { parseReference } from '../../src/container/registry/reference.ts';
import { plainRegistries } from './base-images.ts';
import { composeSmallImage } from './small-image.ts';

const [base = '', target = '', ...tags] = process.argv.slice(2);
const [from, to] = [parseReference(base), parseReference(target)];
await using registries = plainRegistries(from.registry, to.registry);
const baseRepository = registries.repository(from);
const image = await composeSmallImage(baseRepository, from);
process.stdout.write(`${image.index.descriptor.digest}\n`);
const outcome = await pushImage(
  image,
  baseRepository,
  { repository: registries.repository(to), tags },
  () => undefined,
);
if (outcome.error !== null) throw outcome.error;
