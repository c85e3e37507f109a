import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';

/** The comment's markdown as HTML, by a renderer of CommonMark and GFM; HTML in it is let through, as GitHub does for what it allows. */
export function renderGfm(markdown: string): string {
  return micromark(markdown, {
    allowDangerousHtml: true,
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
  });
}

/** A page that shows a comment in a box like GitHub's. */
export function commentPage(markdown: string, style: string, scheme: 'light' | 'dark'): string {
  const [page, box, line] =
    scheme === 'light' ? ['#ffffff', '#ffffff', '#d1d9e0'] : ['#0d1117', '#0d1117', '#3d444d'];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>comment</title><style>${style}
body { margin: 0; padding: 12px; background: ${page}; }
.markdown-body { background: ${box}; border: 1px solid ${line}; border-radius: 6px; padding: 16px; font-size: 14px; }
.markdown-body > :last-child { margin-bottom: 0; }
.markdown-body table { width: max-content; max-width: 100%; }
</style></head><body><article class="markdown-body">${renderGfm(markdown)}</article></body></html>`;
}
