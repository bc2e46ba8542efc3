import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RequestSigner } from '../../lib/openapi/request-signer.js';
import { canonicalQuery, type NameValue, sha256Hex } from '../../lib/openapi/signature-v4.js';
import '../support/properties.js';
import { sign } from '../support/reference-signature.js';

const CONTEXT = { region: 'cn-north-1', service: 'rtc' };
const URL_ = 'https://rtc.volcengineapi.com/?Action=SendUnicast&Version=2023-07-20';
const REQUEST = { method: 'POST', url: URL_, contentType: 'application/json', body: Buffer.from('{}') };
const KEY = { accessKeyId: 'key', secretAccessKey: 'secret' };
const signatureOf = (authorization = ''): string | undefined => /Signature=(\w+)$/.exec(authorization)?.[1];

it('a signer signs as the signature is defined, whatever it has signed before', () => {
  const word = fc.stringMatching(/^[!-~]{1,8}$/);
  const few = fc.constantFrom('a', 'b');
  const request = fc.record({
    method: fc.constantFrom('POST', 'get'),
    query: fc.array(fc.tuple(word, fc.string({ maxLength: 8 })), { minLength: 1, maxLength: 3 }),
    contentType: fc.constantFrom('application/json', 'text/plain;  charset=utf-8'),
    body: fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    secretAccessKey: few,
    sessionToken: fc.option(word, { nil: undefined }),
    // Some seconds, and some days.
    time: fc
      .tuple(few, few)
      .map(([day, second]) => (day === 'a' ? 0 : 86_400_000) + (second === 'a' ? 999 : 1_000)),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 12 }), (requests) => {
      let now = 0;
      const signer = new RequestSigner({ ...CONTEXT, now: () => now });
      for (const { query, method, secretAccessKey, sessionToken, time, contentType, body } of requests) {
        now = time - 5;
        const asked = `http://h:8080/p?${new URLSearchParams(query)}`;
        const headers: Record<string, string> = {};
        const { url, target } = signer.sign(
          { method, url: asked, contentType, body },
          { accessKeyId: 'key', secretAccessKey, sessionToken },
          5,
          headers,
        );
        const xDate = new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, '');
        const scope = { date: xDate.slice(0, 8), ...CONTEXT };
        const signed: NameValue[] = [
          ['content-type', contentType],
          ['host', 'h:8080'],
          ['x-content-sha256', sha256Hex(body)],
          ['x-date', xDate],
          ...(sessionToken === undefined ? [] : [['x-security-token', sessionToken] as const]),
        ];
        const canonical = canonicalQuery(new URL(asked).searchParams);
        expect(signatureOf(headers['Authorization']!)).toBe(
          sign(
            {
              method: method.toUpperCase(),
              path: '/p',
              query: canonical,
              headers: signed,
              bodySha256: sha256Hex(body),
            },
            xDate,
            scope,
            secretAccessKey,
          ),
        );
        expect(url).toBe(`http://h:8080/p?${canonical}`);
        expect(target).toEqual({ protocol: 'http:', hostname: 'h', port: 8_080, path: `/p?${canonical}` });
        expect(headers['X-Date']).toBe(xDate);
      }
    }),
  );
});

it('a signer parses a URL once, and keeps as many as a client may call, and no more', () => {
  const signer = new RequestSigner(CONTEXT);
  const targetOf = (index: number) =>
    signer.sign({ ...REQUEST, url: `https://host-${index}.example/` }, KEY, 0, {}).target;
  const first = targetOf(0);
  for (let index = 1; index < 32; index++) expect(targetOf(index).hostname).toBe(`host-${index}.example`);
  expect(targetOf(0)).toBe(first);
  targetOf(32);
  expect(targetOf(0)).not.toBe(first);
});
