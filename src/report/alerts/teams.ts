import { linkTarget, visibleText } from '../escape.ts';
import { type AlertNews, ITEMS_MAX, itemLine, itemSentences, leftOut, newsTitle } from './news.ts';

/** Teams refuses a message of 28 KB or more. */
export const TEAMS_MAX_BYTES = 27_000;

/** A TextRun knows no markdown, unlike a TextBlock: nothing of a model's name becomes a link or a mention. */
const paragraph = (text: string, style: object = {}): object => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', text: visibleText(text), ...style }],
});

function card(news: AlertNews, count: number): object {
  const shown = news.items.slice(0, count);
  const rest =
    count < Math.min(news.items.length, ITEMS_MAX) ? 'and more, which the run has' : leftOut(news.items);
  const target = news.runUrl === null ? null : linkTarget(news.runUrl);
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            paragraph(newsTitle(news), { weight: 'Bolder', size: 'Medium' }),
            ...shown.map(item => ({
              type: 'Container',
              separator: true,
              style: item.health.state === 'degraded' ? 'attention' : 'good',
              items: [
                paragraph(itemLine(item), { weight: 'Bolder' }),
                ...itemSentences(item).map(sentence => paragraph(sentence)),
              ],
            })),
            ...(rest === null ? [] : [paragraph(rest)]),
            paragraph(news.repository ?? 'QuickServeML', { isSubtle: true }),
          ],
          ...(target === null
            ? {}
            : { actions: [{ type: 'Action.OpenUrl', title: 'The run', url: target }] }),
        },
      },
    ],
  };
}

/** An Adaptive Card for a Workflows webhook of Microsoft Teams, within its size. */
export function renderTeams(news: AlertNews): object {
  for (let count = Math.min(ITEMS_MAX, news.items.length); count > 0; count -= 1) {
    const whole = card(news, count);
    if (Buffer.byteLength(JSON.stringify(whole)) <= TEAMS_MAX_BYTES) return whole;
  }
  return card(news, 0);
}
