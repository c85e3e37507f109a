import type { CiContext } from '../platforms/context.ts';
import type { Report } from '../report/report.ts';

/** The commit that a run is about: of a pull request its head, not the merge that was checked out; null: not known. */
export const headShaOf = ({ pullRequest, headSha }: CiContext): string | null =>
  pullRequest?.headSha ?? headSha;

/** What a report says of the run that made it, as this run knows it. */
export const reportedChange = (context: CiContext): Report['change'] => ({
  platform: context.platform,
  repository: context.repository,
  pullRequest: context.pullRequest?.number ?? null,
  runUrl: context.runUrl,
  filesUrl: context.filesUrl,
});
