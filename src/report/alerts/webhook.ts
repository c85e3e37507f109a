import type { AlertItem, AlertNews } from './news.ts';
import { itemSentences, newsTitle } from './news.ts';

const describeItem = (item: AlertItem): object => ({
  model: item.model,
  version: item.version,
  change: item.change,
  state: item.health.state,
  since: item.health.since,
  machine: item.machine,
  problems: item.health.problems,
  text: itemSentences(item),
});

/** The body that `webhook` places get; docs/schedules-and-alerts.md describes it. More may be added, none of it renamed. */
export function renderWebhook(news: AlertNews): object {
  return {
    type: news.kind === 'test' ? 'quickserveml.test' : 'quickserveml.production',
    timestamp: news.createdAt,
    data: {
      title: newsTitle(news),
      repository: news.repository,
      runUrl: news.runUrl,
      changes: news.items.map(describeItem),
      degraded: news.standing.map(describeItem),
    },
  };
}
