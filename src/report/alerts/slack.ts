import { linkTarget, shortenText, visibleText } from '../escape.ts';
import { type AlertNews, ITEMS_MAX, itemLine, itemSentences, leftOut, newsTitle } from './news.ts';

/** Slack's limits of a header and of a section (Block Kit reference). */
const HEADER_MAX_CHARACTERS = 150;
const SECTION_MAX_CHARACTERS = 3_000;

const plain = (text: string, most: number): object => ({
  type: 'plain_text',
  text: shortenText(visibleText(text), most),
  // `:tada:` in a model's name stays text.
  emoji: false,
});

const section = (text: string): object => ({ type: 'section', text: plain(text, SECTION_MAX_CHARACTERS) });

/** Slack's own control characters in `text`, where no plain text can be asked for. */
const escapeSlack = (text: string): string =>
  visibleText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The body of a message by incoming webhook. What comes from outside is plain text: no mention, no link, no markup. */
export function renderSlack(news: AlertNews): object {
  const title = newsTitle(news);
  const rest = leftOut(news.items);
  const target = news.runUrl === null ? null : linkTarget(news.runUrl);
  return {
    // For notifications, and where blocks are not shown.
    text: escapeSlack(shortenText(title, HEADER_MAX_CHARACTERS)),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plain(title, HEADER_MAX_CHARACTERS) },
      ...news.items
        .slice(0, ITEMS_MAX)
        .map(item =>
          section(
            [itemLine(item), ...itemSentences(item).map(sentence => `• ${sentence}`)]
              .map(visibleText)
              .join('\n'),
          ),
        ),
      ...(rest === null ? [] : [section(rest)]),
      {
        type: 'context',
        elements: [
          plain(news.repository ?? 'QuickServeML', SECTION_MAX_CHARACTERS),
          ...(target === null ? [] : [{ type: 'mrkdwn', text: `<${target}|The run>`, verbatim: true }]),
        ],
      },
    ],
  };
}
