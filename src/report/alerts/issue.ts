import { escapeMarkdown, linkTarget, shortenText, visibleText } from '../escape.ts';
import { type AlertItem, type AlertNews, itemLine, itemSentences, newsTitle } from './news.ts';

/** GitHub's limit of a title; GitLab's is 255 too. */
const TITLE_MAX_CHARACTERS = 200;
/** Well under GitHub's 65,536 characters. */
const BODY_MAX_BYTES = 60_000;

/** The invisible first line by which the issue is found again. `test`: the one that `alerts test` makes. */
export const issueMarker = (kind: AlertNews['kind']): string => `<!-- quickserveml:alert key=${kind} -->`;

/** One title for good: what it is now stands in the body, and links to the issue stay right. */
export function issueTitle(kind: AlertNews['kind']): string {
  return kind === 'test' ? 'QuickServeML: a sample alert' : 'QuickServeML: models in production got worse';
}

const runLink = (news: AlertNews): string => {
  const target = news.runUrl === null ? null : linkTarget(news.runUrl);
  const when = `${news.createdAt.slice(0, 16).replace('T', ' ')} UTC`;
  return target === null ? when : `[${when}](${target})`;
};

const itemBlock = (item: AlertItem): string =>
  [
    `**${escapeMarkdown(itemLine(item))}**`,
    '',
    ...itemSentences(item).map(sentence => `- ${escapeMarkdown(sentence)}`),
  ].join('\n');

function within(blocks: readonly string[], frameBytes: number): readonly string[] {
  const kept: string[] = [];
  let left = BODY_MAX_BYTES - frameBytes;
  for (const block of blocks) {
    left -= Buffer.byteLength(block) + 2;
    if (left < 100) return [...kept, `and ${blocks.length - kept.length} more`];
    kept.push(block);
  }
  return kept;
}

/** The text of the issue: everything that is worse now. */
export function renderIssueBody(news: AlertNews): string {
  const head = [issueMarker(news.kind), ''];
  const foot = [
    '',
    `As of ${runLink(news)}. QuickServeML keeps this text up to date, comments when something changes, and closes the issue when everything is well again.`,
  ];
  if (news.kind === 'test') return [...head, 'A sample alert: nothing is wrong.', ...foot].join('\n');
  if (news.standing.length === 0)
    return [...head, 'Everything in production is at its usual level again.', ...foot].join('\n');
  return [...head, within(news.standing.map(itemBlock), 600).join('\n\n'), ...foot].join('\n');
}

/** The comment on what is new, with a marker of its own: a lost answer does not make a second one. */
export function renderIssueComment(news: AlertNews): string {
  const marker = `<!-- quickserveml:alert-news ${news.id.replaceAll(/[^A-Za-z0-9_.-]/gu, '_')} -->`;
  return [
    marker,
    '',
    `${escapeMarkdown(shortenText(visibleText(newsTitle(news)), TITLE_MAX_CHARACTERS))} (${runLink(news)})`,
    '',
    within(news.items.map(itemBlock), 600).join('\n\n'),
  ].join('\n');
}
