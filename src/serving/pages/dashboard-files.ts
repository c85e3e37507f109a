import { readFileSync } from 'node:fs';

/** Files of the live page. The build writes their texts into the bundle, so that no file has to lie beside it. */
const read = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');

export const dashboardHtml = read('dashboard.html');
export const dashboardCss = read('dashboard.css');
export const dashboardScript = read('dashboard.js');
