import type { Report } from './report.ts';

/** Characters that JSON allows raw but that a terminal or an editor acts upon: C1 controls, line separators, bidirectional and zero-width ones. */
const ACTIVE = /[\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]/gu;

/** The report as indented JSON with a line break at its end; parsing gives back the same value. */
export function renderJson(report: Report): string {
  const text = JSON.stringify(report, null, 2);
  return `${text.replace(ACTIVE, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
