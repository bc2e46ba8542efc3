/** Removes options from a URL's query. ioredis prefers a URL's options to those beside it. */
export function withoutOptions(url: string, options: object): string {
  const parsed = new URL(url);
  for (const name of Object.keys(options)) parsed.searchParams.delete(name);
  return parsed.href;
}
