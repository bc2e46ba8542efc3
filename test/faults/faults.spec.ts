import { beforeAll, describe, expect, it } from '@jest/globals';
import { type FaultReport, type FaultRow, runFaults } from './fault-run.js';

const SENDS = Number(process.env['SENDS'] ?? 1_000);
const SEED = Number(process.env['SEED'] ?? 20_261_123);

const COLUMNS = ['sends', 'accepted', 'rejected', 'unknown', 'not_attempted', 'retries', 'doubled'] as const;

function tableOf({ rows, seconds }: FaultReport): string {
  const line = (name: string, cells: readonly (string | number)[]): string =>
    name.padEnd(46) + cells.map((cell) => String(cell).padStart(14)).join('');
  const total = (column: keyof FaultRow): number =>
    [...rows.values()].reduce((sum, row) => sum + row[column], 0);
  return [
    line('fault (emulator)', COLUMNS),
    ...[...rows].sort().map(([name, row]) =>
      line(
        name,
        COLUMNS.map((column) => row[column]),
      ),
    ),
    line('all', COLUMNS.map(total)),
    `seed ${SEED}, ${seconds.toFixed(1)} s`,
  ].join('\n');
}

describe(`${SENDS} sends over a mix of all faults (seed ${SEED})`, () => {
  let report: FaultReport;
  beforeAll(
    async () => {
      report = await runFaults(SENDS, SEED);
      process.stdout.write(`\n${tableOf(report)}\n`);
      // So long that a busy machine, on which most sends time out, does not fail it.
    },
    120_000 + SENDS * 30,
  );

  it('have true outcomes: none accepted that was not, none rejected that was accepted, none sent twice unmarked', () => {
    expect(report.lies).toEqual([]);
  });

  it('leave no secret and no message in an error', () => {
    expect(report.leaks).toEqual([]);
  });

  it('have every outcome, and duplicates where resending was allowed', () => {
    const rows = [...report.rows.values()];
    for (const column of COLUMNS)
      expect([column, rows.some((row) => row[column] > 0)]).toEqual([column, true]);
  });
});
