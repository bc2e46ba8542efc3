/** What can be wrong with one credential, told without showing it. Undefined when nothing is. */
export function credentialProblem(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return 'is missing';
  if (typeof value !== 'string') return `must be a string, got ${typeof value}`;
  // They go into a header; a line break at the end is what is left of reading them from a file.
  return /^[\x21-\x7e]+$/.test(value) ? undefined : 'contains white space or characters outside ASCII';
}
