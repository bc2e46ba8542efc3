const FAILS = ': fails, since ';

/** A reporter for Jest: prints what was tested as a matrix, with a column for each Node. */
export default class MatrixReporter {
  onRunComplete(_contexts, { testResults }) {
    const rows = new Map();
    const nodes = new Set();
    const notes = [];
    const failures = testResults.flatMap(({ testExecError, failureMessage }) =>
      testExecError ? [failureMessage] : [],
    );
    for (const { ancestorTitles, title, status, failureMessages } of testsOf(testResults)) {
      const [nest, app, node] = ancestorTitles;
      const [check, reason] = title.split(FAILS);
      const name = [nest, app, check].join(', ');
      let cell = 'ok';
      if (status !== 'passed') {
        cell = 'FAILED';
        failures.push([`${ancestorTitles.join(', ')}, ${title}: ${status}`, ...failureMessages].join('\n'));
      } else if (reason !== undefined) {
        if (!notes.includes(reason)) notes.push(reason);
        cell = `no (${notes.indexOf(reason) + 1})`;
      }
      if (node !== undefined) nodes.add(node);
      rows.set(name, new Map(rows.get(name)).set(node, cell));
    }
    // 24 comes after 9.
    const columns = [...nodes].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const table = [
      ['', ...columns],
      // Types don't depend on Node.
      ...[...rows].map(([name, cells]) => [
        name,
        ...columns.map((node) => cells.get(node) ?? cells.get(undefined) ?? '-'),
      ]),
    ];
    const lines = [
      ...aligned(table),
      ...notes.map((note, index) => `(${index + 1}) ${note}; it was seen to fail so.`),
    ];
    process.stdout.write(`\n${lines.join('\n')}\n`);
    for (const failure of failures) process.stdout.write(`\n${failure}\n`);
  }
}

function testsOf(results) {
  return results
    .flatMap(({ testResults }) => testResults)
    .toSorted((a, b) => a.ancestorTitles.join().localeCompare(b.ancestorTitles.join(), 'en'));
}

function aligned(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] + 2))
      .join('')
      .trimEnd(),
  );
}
