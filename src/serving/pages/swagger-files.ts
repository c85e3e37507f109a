import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Swagger UI from its package, and the page around it. The build writes their texts into a chunk of their own. */
const require = createRequire(import.meta.url);
const packageFolder = dirname(require.resolve('swagger-ui-dist/package.json'));
const fromPackage = (name: string): string => readFileSync(join(packageFolder, name), 'utf8');
const read = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');

export const swaggerHtml = read('swagger.html');
export const swaggerPageCss = read('swagger-page.css');
export const swaggerPageScript = read('swagger-page.js');
export const swaggerCss = fromPackage('swagger-ui.css').replace(/\n?\/\*# sourceMappingURL=.*$/, '');
export const swaggerScript = fromPackage('swagger-ui-bundle.js').replace(/\n?\/\/# sourceMappingURL=.*$/, '');
/** What its licence asks to be handed on. */
export const swaggerNotice = ['NOTICE', 'LICENSE', 'swagger-ui-bundle.js.LICENSE.txt']
  .map(fromPackage)
  .join('\n\n');
