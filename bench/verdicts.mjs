/** Prints what was measured: by name, `[value]` or `[value, target, holds]`. A target that is missed fails the process. */
export function printVerdicts(title, rows) {
  console.log(`\n${title}`);
  const width = Math.max(...Object.keys(rows).map((name) => name.length)) + 2;
  for (const [name, [value, target, holds]] of Object.entries(rows)) {
    const verdict = target === undefined ? '' : `  ${holds ? 'ok' : 'MISSED'} (${target})`;
    if (holds === false) process.exitCode = 1;
    console.log(`  ${name.padEnd(width)}${value}${verdict}`);
  }
}

/**
 * Whether everyone was sent the message once, by the emulator's account.
 * @param isTold whether the library says so too
 */
export function exactlyOnce({ accepted, duplicates }, total, isTold) {
  const holds = accepted === total && duplicates === 0 && isTold;
  return [holds ? 'everyone' : `${accepted}, ${duplicates} twice`, 'everyone', holds];
}

export function percent(share) {
  return `${(share * 100).toFixed(2)} %`;
}
