/** A URL without those options in its query: ioredis prefers what a URL says to what it is given beside it. */
export function withoutOptions(url: string, options: object): string {
  const parsed = new URL(url);
  for (const name of Object.keys(options)) parsed.searchParams.delete(name);
  return parsed.href;
}
