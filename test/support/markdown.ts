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
  const prose = markdown.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
}

/** The anchors of its headings, as GitHub makes them. */
export function anchorsIn(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```.*?^```$/gms, '');
  return Array.from(prose.matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}
