/** A table in Markdown, its columns in line; numbers and text are written as they are given. */
export function table(head, rows) {
  const widths = head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column])].map((cell) => cell.length)),
  );
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join(
    '\n',
  );
}

/** How many times as much as the first: `2.4 ×`. */
export function times(ratio) {
  return `${ratio.toPrecision(ratio < 100 ? 3 : 4)} ×`;
}

export function rounded(number) {
  return number < 10
    ? number.toFixed(2)
    : number < 100
      ? number.toFixed(1)
      : Math.round(number).toLocaleString('en');
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

export function megabytes(bytes) {
  return `${(bytes / 1_048_576).toFixed(1)} MB`;
}
