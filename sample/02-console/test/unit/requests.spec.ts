import { describe, expect, it } from '@jest/globals';
import { MAX_SIMULATED } from '../../src/console/fan-out/simulated-fan-out.js';
import { readLiveCommand } from '../../src/console/live/live-command.js';
import { isSameOrigin } from '../../src/console/origin/same-origin.js';

describe('the check that a request is of a page of the console', () => {
  it.each([
    ['this machine, from no page', { host: '127.0.0.1:3000' }],
    ['this machine, from its page', { host: 'localhost:3000', origin: 'http://localhost:3000' }],
    ['this machine, over IPv6', { host: '[::1]:3000', origin: 'http://[::1]:3000' }],
    ['a name of its own', { host: 'console.example:8443', origin: 'https://console.example:8443' }],
    ['a name of its own, behind TLS', { host: 'console.example', origin: 'https://console.example' }],
  ])('accepts %s', (_what, headers) => {
    expect(isSameOrigin(headers, ['console.example'])).toBe(true);
  });

  it.each([
    ['a name that was made to point here', { host: 'evil.example:3000', origin: 'http://evil.example:3000' }],
    ['such a name, without an origin', { host: 'evil.example:3000' }],
    ['a name that only begins like this machine', { host: '127.0.0.1.evil.example' }],
    ['a page of another site', { host: '127.0.0.1:3000', origin: 'https://evil.example' }],
    ['a page of another port', { host: '127.0.0.1:3000', origin: 'http://127.0.0.1:8080' }],
    ['a page without an origin of its own', { host: '127.0.0.1:3000', origin: 'null' }],
    ['no host', {}],
    ['a host that is none', { host: 'a b' }],
  ])('refuses %s', (_what, headers) => {
    expect(isSameOrigin(headers, ['console.example'])).toBe(false);
  });
});

describe("the page's commands", () => {
  const fanOut = {
    type: 'fan_out',
    roomId: 'r',
    message: 'm',
    binary: false,
    users: 1,
    skipAbsent: false,
    confirmed: false,
  };

  it.each([
    { type: 'hello', key: 'k' },
    { type: 'room', roomId: 'r' },
    { type: 'join', userId: 'u' },
    { type: 'cancel' },
    { type: 'receipts', messageId: 'm' },
    fanOut,
    { ...fanOut, users: MAX_SIMULATED },
  ])('reads %j', (command) => {
    expect(readLiveCommand(JSON.stringify(command))).toEqual(command);
  });

  it.each([
    'no JSON',
    'null',
    '[]',
    '{}',
    '{"type":"constructor"}',
    '{"type":"join"}',
    '{"type":"hello","key":1}',
    '{"type":"receipts"}',
    JSON.stringify({ ...fanOut, skipAbsent: 'no' }),
    ...[0, 1.5, '5', MAX_SIMULATED + 1, null].map((users) => JSON.stringify({ ...fanOut, users })),
  ])('does not read %s', (text) => {
    expect(readLiveCommand(text)).toBeUndefined();
  });
});
