import { accessPart } from './access/access-part.ts';
import { pagesPart } from './pages/page-routes.ts';
import type { ServerPartFactory } from './server-parts.ts';
import { trafficPart } from './traffic/traffic-part.ts';
import { watchingPart } from './watching/watching-part.ts';

/** Everything that is mounted into the server, by the key of its section in the settings file. */
export const SERVER_PARTS: Readonly<Record<string, ServerPartFactory>> = {
  access: accessPart,
  watching: watchingPart,
  pages: pagesPart,
  traffic: trafficPart,
};
