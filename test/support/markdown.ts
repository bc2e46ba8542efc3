/** A block of code in a page. */
export interface Snippet {
  readonly language: string;
  readonly text: string;
}

export function snippetsIn(markdown: string): Snippet[] {
  return Array.from(markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms), ([, language = '', text = '']) => ({
    language,
    text,
  }));
}

/** A snippet's file name stands in its first line. */
export function nameOf(snippet: string): string {
  const name = /^\/\/ ([\w.-]+\.ts)\n/.exec(snippet)?.[1];
  if (name === undefined) throw new Error(`A snippet does not name its file:\n${snippet}`);
  return name;
}

/** The addresses of its links. */
export function linksIn(markdown: string): string[] {
  const prose = proseOf(markdown).replaceAll(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
}

/** The addresses of its images that are written as HTML. */
export function imagesIn(markdown: string): string[] {
  return Array.from(proseOf(markdown).matchAll(/ (?:src|srcset)="([^"]+)"/g), ([, image = '']) => image);
}

/** A heading of a page. */
export interface Heading {
  readonly level: number;
  readonly text: string;
}

export function headingsIn(markdown: string): Heading[] {
  return Array.from(proseOf(markdown).matchAll(/^(#+) (.+)$/gm), ([, marks = '', text = '']) => ({
    level: marks.length,
    text,
  }));
}

/** The anchors of its headings, as GitHub makes them: letters are those of any script. */
export function anchorsIn(markdown: string): string[] {
  return headingsIn(markdown).map(({ text }) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}

/** The rows of its tables, without their heads, as lists of cells. */
export function tablesIn(markdown: string): string[][][] {
  return Array.from(proseOf(markdown).matchAll(/^\|(?: --- \|)+\n((?:\|.*\|\n?)*)/gm), ([, rows = '']) =>
    rows
      .trimEnd()
      .split('\n')
      .map((row) =>
        row
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  );
}

/** Where `**` ends no emphasis, since punctuation stands before it and a letter right behind it. */
export function emphasisLeftOpenIn(markdown: string): string[] {
  return Array.from(
    proseOf(markdown).matchAll(/\*\*([^*\n]+)\*\*([^\n]?)/g),
    ([whole, text = '', next = '']) => (/\p{P}$/u.test(text) && /[\p{L}\p{N}]/u.test(next) ? whole : ''),
  ).filter((whole) => whole !== '');
}

function proseOf(markdown: string): string {
  return markdown.replaceAll(/^```.*?^```$/gms, '');
}
