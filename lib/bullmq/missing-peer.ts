/** What this entry needs beside what the library itself does. */
const PEERS = ['@nestjs/bullmq', 'bullmq', 'ioredis'];

/** The error of an import, or, if one of the optional packages is not there, one that says what to install. */
export function explainMissingPeer(error: unknown): unknown {
  const { code, message = '' } = error as Error & { readonly code?: string };
  if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') return error;
  const [, missing = ''] = /^Cannot find (?:module|package) '([^']+)'/.exec(message) ?? [];
  if (!PEERS.includes(missing)) return error;
  return Object.assign(
    new Error(
      `nestjs-rtc-messaging/bullmq needs ${missing}, which is not installed: npm install ${PEERS.join(' ')}`,
    ),
    { code },
  );
}
