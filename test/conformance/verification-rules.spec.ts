import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { sha256Hex } from '../../lib/openapi/signature-v4.js';
import { QUERY, type RawRequestChanges, sendRaw, unicastBody } from '../support/raw-request.js';

const TOKEN = { 'x-security-token': 'session-token' };
const HASH = { 'x-content-sha256': sha256Hex(unicastBody()) };
const JSON_TYPE = { 'content-type': 'application/json' };
const SPACED = { 'x-note': 'one  two\tthree   four' };
const REPEATED = `${QUERY}&Tag=b&Tag=a&Tag=c`;
const IN_ORDER = 'Action=BatchSendRoomUnicast&Tag=b&Tag=a&Tag=c&Version=2023-07-20';
const SORTED = 'Action=BatchSendRoomUnicast&Tag=a&Tag=b&Tag=c&Version=2023-07-20';

/**
 * How the vendor's SDKs of each language sign, as far as they differ: what is signed is for the client to name, and a
 * verifier goes by that. Each was read in the SDK's source; the pages leave these points open.
 */
const ACCEPTED: readonly (readonly [who: string, changes: RawRequestChanges])[] = [
  ['Java, newer: nothing but x-date is signed', { signedNames: ['x-date'], headers: { ...JSON_TYPE } }],
  ['Java, newer: the token is sent, and not signed', { signedNames: ['x-date'], headers: TOKEN }],
  ['Java, newer: nor is the hash of the body', { signedNames: ['x-date'], headers: { ...TOKEN, ...HASH } }],
  ['Java, older: all is signed', { signed: { ...JSON_TYPE, ...HASH, ...TOKEN } }],
  ['Go and Python: all is signed but the token', { signed: { ...JSON_TYPE, ...HASH }, headers: TOKEN }],
  ['Node: content-type is not signed', { signed: HASH, headers: JSON_TYPE }],
  ['Node: host is not signed', { signedNames: ['x-date', 'x-content-sha256'], signed: HASH }],
  ['PHP: there is no hash of the body', { signed: {}, headers: JSON_TYPE }],
  ['PHP: all in another order', { signedNames: ['x-date', 'host', 'content-type'], signed: JSON_TYPE }],
  ['Go and Python: :80 is sent, and not signed', hostAs('127.0.0.1:80', '127.0.0.1')],
  ['Go and Python: :443 is sent, and not signed', hostAs('localhost:443', 'localhost')],
  ['others: :80 is sent and signed', hostAs('127.0.0.1:80', '127.0.0.1:80')],
  ['others: :443 is sent and signed', hostAs('[::1]:443', '[::1]:443')],
  ['others: :80 is signed, and not sent', hostAs('127.0.0.1', '127.0.0.1:80')],
  ['others: :443 is signed, and not sent', hostAs('[::1]', '[::1]:443')],
  ['others: no port is sent or signed', hostAs('localhost', 'localhost')],
  ['Go, Python and Java: white space as it is', { signed: SPACED }],
  ['Node and PHP: white space folded', { signed: SPACED, canonical: { 'x-note': 'one two three four' } }],
  ['Go, Python and Java: repeated values in their order', { query: REPEATED, canonicalQuery: IN_ORDER }],
  ['Node and PHP: repeated values sorted', { query: REPEATED, canonicalQuery: SORTED }],
  [
    'Node and PHP: folded, sorted and with a default port at once',
    {
      ...hostAs('localhost:80', 'localhost'),
      query: REPEATED,
      canonicalQuery: SORTED,
      signed: { host: 'localhost:80', ...SPACED },
      canonical: { host: 'localhost', 'x-note': 'one two three four' },
    },
  ],
];

const REFUSED: readonly (readonly [what: string, changes: RawRequestChanges])[] = [
  ['a port that is no default, and not signed', hostAs('127.0.0.1:8787', '127.0.0.1')],
  ['another port than was signed', hostAs('127.0.0.1:80', '127.0.0.1:443')],
  ['another host than was signed', hostAs('localhost', '127.0.0.1')],
  ['white space taken away altogether', { signed: SPACED, canonical: { 'x-note': 'onetwothreefour' } }],
  ['white space added', { signed: { 'x-note': 'one two' }, canonical: { 'x-note': 'one  two' } }],
  [
    'repeated values in any other order',
    { query: REPEATED, canonicalQuery: 'Action=BatchSendRoomUnicast&Tag=c&Tag=b&Tag=a&Version=2023-07-20' },
  ],
  ['a parameter that was not signed', { query: `${QUERY}&More=1`, canonicalQuery: QUERY }],
  ['a signed header that was changed', { signed: JSON_TYPE, headers: { 'content-type': 'text/plain' } }],
  ['a signed header that is gone', { signed: { 'x-note': 'a' }, headers: { 'x-note': undefined } }],
  ['another date than was signed', { signedNames: ['host'], headers: { 'x-date': '20260101T000000Z' } }],
  [
    'another body, though x-date alone is signed',
    { signedNames: ['x-date'], sentBody: unicastBody({ To: ['mallory'] }) },
  ],
  ['a hash of another body, though it is not signed', { headers: { 'x-content-sha256': sha256Hex('{}') } }],
];

/** `sent` as the `Host` header, and signed as if it were `signed`. */
function hostAs(sent: string, signed: string): RawRequestChanges {
  return { signed: { host: sent }, canonical: { host: signed } };
}

const isAboutToken = (changes: RawRequestChanges): boolean =>
  'x-security-token' in { ...changes.signed, ...changes.headers };

describe('a verifier of signatures', () => {
  let permanent: RtcEmulator;
  let temporary: RtcEmulator;
  beforeAll(async () => {
    permanent = await RtcEmulator.start();
    temporary = await RtcEmulator.start({
      credentials: { accessKeyId: 'ak', secretAccessKey: 'sk', sessionToken: 'session-token' },
    });
  });
  beforeEach(() => {
    permanent.clear();
    temporary.clear();
  });
  afterAll(async () => {
    await permanent.close();
    await temporary.close();
  });

  it.each(ACCEPTED)('accepts what is signed as by %s', async (_who, changes) => {
    const emulator = isAboutToken(changes) ? temporary : permanent;
    const { status, body } = await sendRaw(emulator, changes);
    expect([status, body.ResponseMetadata?.Error]).toEqual([200, undefined]);
    expect(emulator.accepted.count('alice', 'hello')).toBe(1);
  });

  it.each(REFUSED)('refuses %s', async (_what, changes) => {
    const { body } = await sendRaw(permanent, changes);
    expect(body.ResponseMetadata.Error.Code).toMatch(/^(SignatureDoesNotMatch|InvalidTimestamp)$/);
    expect(body.ResponseMetadata.Region).toBe('cn-north-1');
    expect(permanent.accepted.total).toBe(0);
  });

  it.each(['GET', 'POST'])(
    'accepts a %s without a body whose hash is not sent, as Node does',
    async (method) => {
      const { body } = await sendRaw(permanent, { method, body: '' });
      // What is wrong with it comes after the signature.
      expect(body.ResponseMetadata.Error.Code).toBe(
        method === 'GET' ? 'MethodNotAllowed' : 'InvalidParameter.BodyIsEmpty',
      );
    },
  );

  it.each([
    ['another token', { headers: { 'x-security-token': 'another' } }],
    ['no token', {}],
  ] satisfies [string, RawRequestChanges][])('refuses %s, whatever is signed', async (_what, changes) => {
    const { body } = await sendRaw(temporary, { signedNames: ['x-date'], ...changes });
    expect(body.ResponseMetadata.Error.Code).toBe('InvalidSecretToken');
  });
});
