import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  escapeCommandData,
  escapeCommandProperty,
  escapeCsvCell,
  escapeHtml,
  escapeMarkdown,
  escapeMermaid,
  escapeTerminal,
  escapeXml,
  fileLink,
  htmlProse,
  linkTarget,
  markdownCode,
  markdownProse,
  shortenText,
  visibleText,
} from '../../../src/report/escape.ts';
import { ACTIVE_CHARACTERS, FORBIDDEN_IN_XML } from '../../support/control-characters.ts';

/** Any text, with what is dangerous somewhere more often than chance would have it. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom(
        '`',
        '``',
        '|',
        '\\',
        '\\|',
        '*',
        '_',
        '[x](y)',
        '![x](y)',
        '<script>',
        '</details>',
        '&lt;',
        '&#64;',
        '@ada',
        '#1',
        '!2',
        '~bug',
        '%m',
        'GH-3',
        'acme/models#4',
        'https://evil.example',
        'www.evil.example',
        'a@b.c',
        '- ',
        '1. ',
        '> ',
        '/close',
        '\n/close',
        '---',
        '===',
        '$x$',
        ':tada:',
        '\u202E',
        '\u200B',
        '\u0000',
        '\u001B[31m',
        '\u009B',
        '\uD800',
        '\uFFFE',
        '-->',
        '::error::',
        '##[error]',
        '%0A',
        '=1+1',
        '"',
        "'",
        ']]>',
        '\r',
        ',',
      ),
    ),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''));

/** What is left of markdown when everything that cannot act is taken out: entities and backslash escapes. */
const activeMarkdown = (markdown: string): string =>
  markdown.replace(/&#\d+;/g, '').replace(/\\[!-/:-@[-`{-~]/g, '');

const decodeEntities = (text: string): string =>
  text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));

describe('escapeMarkdown', () => {
  it('leaves no markup, HTML, code or table border in any text', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const escaped = escapeMarkdown(text);
        expect(activeMarkdown(escaped)).not.toMatch(/[<>|`*_[\]~^$\\{}\n\r]/);
        expect(escaped).not.toMatch(/^[#+\-=/:>]|^\d+[.)](\s|$)|^\s/);
      }),
      { numRuns: 1500 },
    );
    expect(escapeMarkdown('\u202F# x ')).toBe('&#8239;&#35; x&#32;');
  });

  it('leaves no mention, reference, address or e-mail that a platform would link after rendering', () => {
    fc.assert(
      fc.property(hostileText, text => {
        // The platforms look at the rendered text: entities decoded, backslashes gone.
        const rendered = decodeEntities(escapeMarkdown(text)).replace(/\\([!-/:-@[-`{-~])/g, '$1');
        expect(rendered).not.toMatch(/@[\p{L}\p{N}]/u);
        expect(rendered).not.toMatch(/[#!~%][\p{L}\p{N}_]/u);
        expect(rendered).not.toMatch(/\bGH-\d|:\/\/|\bwww\./i);
      }),
      { numRuns: 1500 },
    );
  });

  it('loses nothing: decoded, the visible text is there', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const rendered = decodeEntities(escapeMarkdown(text))
          .replace(/\\([*_[\]~{}^])/g, '$1')
          .replaceAll('\u200B', '');
        expect(rendered).toBe(visibleText(text));
      }),
      { numRuns: 1500 },
    );
  });

  it('does not touch plain words, numbers and units', () => {
    const plain = 'Median latency 1.84 → 2.21 ms, +20.1 % (+19.4 … +20.9 %); 5 % is tolerated.';
    expect(escapeMarkdown(plain)).toBe(plain);
  });

  it('stops a quick action of GitLab at the start', () => {
    expect(escapeMarkdown('/close')).toBe('&#47;close');
    expect(escapeMarkdown('fine\n/close')).toBe('fine /close');
  });
});

describe('markdownCode', () => {
  it('is one code span or one code element, whatever the text', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const code = markdownCode(text);
        if (code.startsWith('`')) {
          expect(code.slice(1, -1)).not.toMatch(/[`|\\\n]/);
          expect(code.endsWith('`')).toBe(true);
        } else {
          expect(code).toMatch(/^<code>.*<\/code>$/u);
          expect(code.slice(6, -7).replace(/&#\d+;/g, '')).not.toMatch(/[^\p{L}\p{N} ‹›…]/u);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('keeps usual names readable', () => {
    expect(markdownCode('models.digits.policy.latency.max-regression')).toBe(
      '`models.digits.policy.latency.max-regression`',
    );
    expect(markdownCode('float32[batch, 10]')).toBe('`float32[batch, 10]`');
    expect(markdownCode('a|b')).toBe('<code>a&#124;b</code>');
  });
});

describe('prose with code in backticks', () => {
  it('shows the code as code and the rest as text', () => {
    expect(markdownProse('Run `git lfs pull` first.')).toBe('Run `git lfs pull` first.');
    expect(htmlProse('Run `a<b` & go')).toBe('Run <code>a&#60;b</code> &#38; go');
  });

  it('is safe for any text', () => {
    fc.assert(
      fc.property(hostileText, text => {
        expect(htmlProse(text).replaceAll(/<\/?code>/g, '')).not.toMatch(/[<>"']/);
        expect(activeMarkdown(markdownProse(text)).replace(/`[^`]*`|<\/?code>/g, '')).not.toMatch(
          /[<>|`*[\]\\\n]/,
        );
      }),
      { numRuns: 1500 },
    );
  });
});

describe('escapeHtml and escapeXml', () => {
  it('leave no tag, no end of an attribute and no character that XML 1.0 forbids', () => {
    fc.assert(
      fc.property(hostileText, text => {
        for (const escaped of [escapeHtml(text), escapeXml(text)]) {
          expect(escaped).not.toMatch(/[<>"']|&(?!#\d+;)/);
          expect(escaped).not.toMatch(FORBIDDEN_IN_XML);
          expect(escaped.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('escapeTerminal', () => {
  it('leaves no control, no reordering and no workflow command', () => {
    fc.assert(
      fc.property(hostileText, text => {
        const line = escapeTerminal(text);
        expect(line).not.toMatch(ACTIVE_CHARACTERS);
        expect(line).not.toMatch(/^\s*::|##\[/);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('the other targets', () => {
  it('workflow commands keep their data on one line and their properties apart', () => {
    expect(escapeCommandData('50%\r\n::error::')).toBe('50%25%0D%0A::error::');
    expect(escapeCommandProperty('a:b,c')).toBe('a%3Ab%2Cc');
  });

  it('a CSV cell is never a formula and never leaves its cell', () => {
    expect(escapeCsvCell('=1+1')).toBe("'=1+1");
    expect(escapeCsvCell(' @SUM(A1)')).toBe("' @SUM(A1)");
    expect(escapeCsvCell('a "b", c')).toBe('"a ""b"", c"');
    fc.assert(
      fc.property(hostileText, text => {
        const cell = escapeCsvCell(text);
        expect(cell.replace(/^"|"$/g, '')).not.toMatch(/^\s*[=+\-@]/);
        if (!cell.startsWith('"')) expect(cell).not.toMatch(/[",\n\r]/);
      }),
    );
  });

  it('mermaid text has no character that could end its quotes', () => {
    fc.assert(
      fc.property(hostileText, text => {
        expect(escapeMermaid(text).replace(/#\d+;/g, '')).toMatch(/^[\p{L}\p{N} .,_‹›…-]*$/u);
      }),
    );
  });
});

describe('visibleText', () => {
  it('names what cannot be seen', () => {
    expect(visibleText('a\u202Eb\u0000c')).toBe('a‹U+202E›b‹U+0000›c');
    expect(visibleText('a\r\n\tb')).toBe('a b');
  });

  it('is the same when done twice', () => {
    fc.assert(
      fc.property(hostileText, text => {
        expect(visibleText(visibleText(text))).toBe(visibleText(text));
      }),
    );
  });
});

describe('shortenText', () => {
  it('keeps both ends and never more than it may', () => {
    expect(shortenText('abcdefghij', 5)).toBe('ab…ij');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, most) => {
        expect([...shortenText(text, most)].length).toBeLessThanOrEqual(most);
      }),
    );
  });
});

describe('links', () => {
  it('go to the web only, without credentials', () => {
    expect(linkTarget('javascript:alert(1)')).toBeNull();
    expect(linkTarget('https://user:secret@host/x')).toBeNull();
    expect(linkTarget('https://host/a(b) c')).toBe('https://host/a%28b%29%20c');
  });

  it('to a file stay in the commit', () => {
    expect(fileLink('https://host/o/r/blob/abc', 'models/a b(1).onnx')).toBe(
      'https://host/o/r/blob/abc/models/a%20b%281%29.onnx',
    );
    expect(fileLink('https://host/o/r/blob/abc', '../../../evil')).toBeNull();
    expect(fileLink(null, 'x')).toBeNull();
  });
});
