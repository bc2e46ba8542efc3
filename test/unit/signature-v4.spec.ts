import { describe, expect, it } from '@jest/globals';
import { AxiosHeaders } from 'axios';
import fc from 'fast-check';
import {
  canonicalQuery,
  canonicalRequest,
  deriveSigningKey,
  sha256Hex,
  sign,
  toXDate,
} from '../../lib/openapi/signature-v4.js';
import { SigningKeyCache } from '../../lib/openapi/signing-key-cache.js';
import { SigningTemplate } from '../../lib/openapi/signing-template.js';
import { createSigningInterceptor } from '../../lib/openapi/signing.interceptor.js';

/** The vendor's published example (documentation 6369/67270); its keys are no secrets. */
const EXAMPLE = {
  secretAccessKey: 'TnpCak5XWXpZV1U0WkRaaE5ERmxaR0ZpTmpjeVkyUXlZek0wTWpJMU1qWQ==',
  xDate: '20201230T081805Z',
  scope: { date: '20201230', region: 'cn-north-1', service: 'iam' },
  request: {
    method: 'GET',
    path: '/',
    query: canonicalQuery([
      ['Version', '2018-01-01'],
      ['Action', 'ListUsers'],
      ['Offset', '0'],
      ['Limit', '10'],
    ]),
    headers: [
      ['X-Date', '20201230T081805Z'],
      ['Host', 'iam.volcengineapi.com'],
      ['X-Content-Sha256', sha256Hex('')],
      ['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'],
    ] as [string, string][],
    bodySha256: sha256Hex(''),
  },
};

describe('the signature', () => {
  it("is that of the vendor's published example", () => {
    const { request, xDate, scope, secretAccessKey } = EXAMPLE;
    expect(sha256Hex(canonicalRequest(request))).toBe(
      '3a4d4dee07c3308a52da01bc12d7a83c3705bfa543f51648f46de880bb2a7447',
    );
    expect(sign(request, xDate, scope, deriveSigningKey(secretAccessKey, scope))).toBe(
      '28eeabbbd726b87002e0fe58ad8c1c768e619b06e2646f35b6ad7ed029a6d8a7',
    );
  });

  it('folds white space in header values and sorts headers by lower-case name', () => {
    const text = canonicalRequest({
      method: 'POST',
      path: '/',
      query: '',
      headers: [
        ['X-B', '  two   words\t here '],
        ['a', '1'],
      ],
      bodySha256: 'hash',
    });
    expect(text).toBe('POST\n/\n\na:1\nx-b:two words here\n\na;x-b\nhash');
  });

  it('escapes queries as RFC 3986 says, sorts them by name and keeps the order of repeated names', () => {
    expect(
      canonicalQuery([
        ['b', "!'()*"],
        ['a', 'z'],
        ['a', 'y'],
        ['c', 'é ~/+'],
      ]),
    ).toBe('a=z&a=y&b=%21%27%28%29%2A&c=%C3%A9%20~%2F%2B');
  });

  it('writes a time as X-Date does', () => {
    expect(toXDate(new Date('2020-12-30T08:18:05.999Z'))).toBe('20201230T081805Z');
  });
});

describe('the signing key cache', () => {
  const scope = EXAMPLE.scope;
  const changes = [
    ['secret', 'other', scope],
    ['date', 'secret', { ...scope, date: '20201231' }],
    ['region', 'secret', { ...scope, region: 'ap-southeast-1' }],
    ['service', 'secret', { ...scope, service: 'rtc' }],
  ] as const;

  it('keeps the key while nothing changes', () => {
    const cache = new SigningKeyCache();
    expect(cache.get('secret', scope)).toBe(cache.get('secret', { ...scope }));
  });

  it.each(changes)('derives it afresh when the %s changes', (_what, secret, changed) => {
    const cache = new SigningKeyCache();
    cache.get('secret', scope);
    expect(cache.get(secret, changed)).toEqual(deriveSigningKey(secret, changed));
  });
});

describe('a signing template', () => {
  it('gives the canonical request of any URL, content type, time and token', () => {
    const word = fc.string({ unit: 'binary', maxLength: 20 });
    const header = fc.stringMatching(/^[!-~]([ !-~]{0,20}[!-~])?$/);
    const token = fc.option(fc.stringMatching(/^[!-~]{1,20}$/), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, word), { maxLength: 4 }),
        header,
        token,
        fc.stringMatching(/^[0-9a-f]{64}$/),
        (parameters, contentType, sessionToken, bodySha256) => {
          const xDate = '20260101T000000Z';
          const url = new URL(`https://rtc.volcengineapi.com:8443/?${canonicalQuery(parameters)}`);
          const hasToken = sessionToken !== undefined;
          const template = new SigningTemplate({ method: 'POST', url, contentType, hasToken });
          expect(template.canonicalRequest(bodySha256, xDate, sessionToken)).toBe(
            canonicalRequest({
              method: 'POST',
              path: '/',
              query: canonicalQuery(parameters),
              headers: [
                ['Content-Type', contentType],
                ['Host', 'rtc.volcengineapi.com:8443'],
                ['X-Content-Sha256', bodySha256],
                ['X-Date', xDate],
                ...(hasToken ? [['X-Security-Token', sessionToken] as const] : []),
              ],
              bodySha256,
            }),
          );
          expect(template.url).toBe(`https://rtc.volcengineapi.com:8443/?${canonicalQuery(parameters)}`);
        },
      ),
    );
  });
});

describe('a signing interceptor', () => {
  it('signs each of many requests as one that signs for the first time, whatever changed in between', () => {
    const request = fc.record({
      method: fc.constantFrom('post', 'get'),
      action: fc.constantFrom('SendUnicast', 'SendBroadcast'),
      contentType: fc.constantFrom('application/json', 'text/plain'),
      secretAccessKey: fc.constantFrom('one-secret', 'another'),
      sessionToken: fc.constantFrom(undefined, 'one-token', 'another'),
      // Some in the same second, some on both sides of midnight.
      time: fc.constantFrom(0, 400, 1_000, 86_399_999, 86_400_000),
      body: fc.constantFrom('one', 'another'),
    });
    type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;
    let time = 0;
    const createInterceptor = () =>
      createSigningInterceptor({ region: 'cn-north-1', service: 'rtc', now: () => time });
    const signWith = (interceptor: ReturnType<typeof createInterceptor>, sent: Request): unknown => {
      time = sent.time;
      const { secretAccessKey, sessionToken } = sent;
      const config = {
        method: sent.method,
        url: `https://rtc.volcengineapi.com/?Version=2023-07-20&Action=${sent.action}`,
        data: Buffer.from(sent.body),
        headers: new AxiosHeaders({ 'Content-Type': sent.contentType }),
        signing: { credentials: { accessKeyId: 'key', secretAccessKey, sessionToken }, clockOffsetMs: 0 },
      };
      const signed = interceptor(config);
      return { url: signed.url, headers: { ...signed.headers } };
    };
    fc.assert(
      fc.property(fc.array(request, { minLength: 2, maxLength: 12 }), (requests) => {
        const interceptor = createInterceptor();
        for (const sent of requests) {
          expect(signWith(interceptor, sent)).toEqual(signWith(createInterceptor(), sent));
        }
      }),
    );
  });
});
