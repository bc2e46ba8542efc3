/** A block of code of a page. */
export interface Snippet {
  readonly language: string;
  readonly text: string;
}

export function snippetsIn(page: string): Snippet[] {
  return Array.from(page.matchAll(/^```(\w*)\n(.*?)^```$/gms), ([, language = '', text = '']) => ({
    language,
    text,
  }));
}
