import cliProgress from 'cli-progress';

/** A bar that also tells, a line a second, where there is no terminal. @param more what it shows besides the rate */
export function createProgressBar(more) {
  return new cliProgress.SingleBar({
    format: `{bar} {percentage} % | {value} of {total} | {rate}/s | ${more}`,
    barsize: 30,
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 1_000,
  });
}
