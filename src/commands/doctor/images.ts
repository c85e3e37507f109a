import type { Config, ModelConfig } from '../../config/config.ts';
import { formatReference, type ImageReference, parseReference } from '../../container/registry/reference.ts';
import type { Registries } from '../../container/registry/registries.ts';
import { type ContainerRegistryOptions, openContainerRegistries } from '../container-registries.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DoctorLine, linesOf, ok, problem } from './line.ts';

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

async function targetLines(registries: Registries, name: string): Promise<readonly DoctorLine[]> {
  const reference = parseReference(name);
  await registries.repository(reference).probePush();
  return [ok('images', `${name}: login works, an upload was begun and given up`)];
}

async function baseLines(registries: Registries, name: string): Promise<readonly DoctorLine[]> {
  const reference: ImageReference = parseReference(name);
  const found = await registries.repository(reference).resolve(reference.digest ?? reference.tag ?? 'latest');
  return [
    found === null
      ? problem(
          'images',
          'IMAGE_NOT_FOUND',
          `The base image ${formatReference(reference)} does not exist.`,
          'Correct publish.base-image.',
        )
      : ok('images', `Base image ${formatReference(reference)} can be read (${found.digest.slice(0, 19)})`),
  ];
}

/** The container registries that `publish` would use. Nothing is pushed. */
export async function imageLines(
  config: Config,
  models: readonly ModelConfig[],
  options: ContainerRegistryOptions,
  world: Surroundings,
): Promise<readonly DoctorLine[]> {
  const settings = [config.defaults.publish, ...models.flatMap(({ publish }) => publish ?? [])];
  const targets = unique(settings.flatMap(({ images }) => images));
  if (targets.length === 0) return [ok('images', 'Nothing is published (publish.image is not set)')];
  const bases = unique(settings.filter(({ images }) => images.length > 0).map(({ baseImage }) => baseImage));
  return linesOf('images', async () => {
    const hosts = targets.map(name => parseReference(name).registry);
    await using registries = await openContainerRegistries(options, hosts, world);
    const lines: DoctorLine[] = [];
    for (const name of targets) lines.push(...(await linesOf('images', () => targetLines(registries, name))));
    for (const name of bases) lines.push(...(await linesOf('images', () => baseLines(registries, name))));
    return lines;
  });
}
