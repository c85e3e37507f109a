/** Runs `publish` as a process of its own: `node publish-process.ts '{"options": {...}, "dist": ..., "home": ...}'`; prints its document. */
import { join } from 'node:path';
import { type PublishOptions, publish } from '../../src/commands/publish.ts';
import { testSurroundings } from './surroundings.ts';

const given = JSON.parse(process.argv[2] ?? '') as {
  readonly options: PublishOptions;
  readonly dist: string;
  readonly home: string;
};
const { document } = await publish(given.options, {
  ...testSurroundings(),
  env: process.env,
  workerPath: join(given.dist, 'worker.js'),
  homeFolder: given.home,
  cacheFolder: join(given.home, 'cache'),
});
process.stdout.write(JSON.stringify(document));
