import { markdownTable } from 'markdown-table';

/** A golden comment that docs/comments.md shows: the name of its file without `.md`, and what it is a case of. */
interface GoldenComment {
  readonly name: string;
  readonly title: string;
  readonly words: string;
  /** Long or hostile ones are linked: here they would only be in the way. */
  readonly shown: boolean;
}

const COMMENTS: readonly GoldenComment[] = [
  {
    name: 'regressed',
    title: 'Regressed',
    words: 'One model is slower, one could not be decided, one is faster, one is the same file.',
    shown: true,
  },
  {
    name: 'contract-break',
    title: 'Broken contract',
    words: 'An input was renamed and an output has another type.',
    shown: true,
  },
  {
    name: 'inconclusive',
    title: 'Inconclusive',
    words: 'The interval holds both no change and more than is tolerated: said, and nothing fails.',
    shown: true,
  },
  {
    name: 'first-time',
    title: 'First time',
    words: 'There is nothing to compare with; the model is measured alone.',
    shown: true,
  },
  {
    name: 'identical',
    title: 'Identical bytes',
    words: 'Nothing is measured, so nothing can be a false alarm.',
    shown: true,
  },
  {
    name: 'improved',
    title: 'Improved',
    words: 'Faster beyond doubt.',
    shown: true,
  },
  {
    name: 'many-models',
    title: '40 models',
    words: 'One comment for all, what needs attention first.',
    shown: false,
  },
  {
    name: 'hostile',
    title: 'Hostile names',
    words: 'Every text of the report tries to break out of its place.',
    shown: false,
  },
];

/** The page's generated part: a table with sizes, then the comments themselves. `readGolden` gives the text of a golden file. */
export function goldenComments(readGolden: (name: string) => string): string {
  const rows = COMMENTS.map(({ name, title, words }) => [
    title,
    words,
    Buffer.byteLength(readGolden(name)).toLocaleString('en'),
    `[source](../fixtures/golden/${name}.md)`,
  ]);
  const table = markdownTable([['case', 'what it is', 'bytes', ''], ...rows], {
    align: ['l', 'l', 'r', 'l'],
    alignDelimiters: false,
  });
  const parts = COMMENTS.filter(({ shown }) => shown).map(({ name, title }) => {
    // Without the marker, by which the tool finds its own comment.
    const body = readGolden(name)
      .replace(/^<!--.*-->\n/u, '')
      .trimEnd();
    return `## ${title}\n\n${body}`;
  });
  return [table, ...parts].join('\n\n');
}
