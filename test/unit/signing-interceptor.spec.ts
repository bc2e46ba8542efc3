import { describe, expect, it } from '@jest/globals';
import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios';
import fc from 'fast-check';
import { createHash, createHmac } from 'node:crypto';
import type { RtcCredentials } from '../../lib/credentials/credentials.js';
import { redactCredentials } from '../../lib/credentials/credentials.js';
import { createSigningInterceptor } from '../../lib/openapi/signing.interceptor.js';
import '../support/properties.js';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const URL_ = 'https://rtc.volcengineapi.com/?Action=SendUnicast&Version=2023-07-20';

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

interface Given {
  readonly url?: string;
  readonly method?: string;
  readonly contentType?: string;
  readonly data?: unknown;
  readonly credentials?: RtcCredentials;
  readonly clockOffsetMs?: number;
}
const KEY: RtcCredentials = { accessKeyId: 'key', secretAccessKey: 'secret' };

function configOf({
  url = URL_,
  method = 'POST',
  contentType,
  data = Buffer.from('{}'),
  credentials = KEY,
  clockOffsetMs = 0,
}: Given) {
  const headers = new AxiosHeaders();
  if (contentType !== undefined) headers.set('Content-Type', contentType);
  return {
    url,
    method,
    headers,
    data,
    attempt: { signedWith: { credentials: redactCredentials(credentials), clockOffsetMs } },
  } as unknown as InternalAxiosRequestConfig;
}

/** The signature by the vendor's description alone, from what would be sent. */
function signatureOf(
  { url, method, headers, data }: InternalAxiosRequestConfig,
  secret: string,
  region: string,
  service: string,
): string {
  const sent = new Map(
    Object.entries(headers.toJSON()).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
  const authorization = sent.get('authorization') ?? '';
  const names = /SignedHeaders=([^,]+)/.exec(authorization)![1]!.split(';');
  const { pathname, search } = new URL(url!);
  const xDate = sent.get('x-date')!;
  const scope = `${xDate.slice(0, 8)}/${region}/${service}/request`;
  const canonical = [
    method!.toUpperCase(),
    pathname,
    search.slice(1),
    ...names.map((name) => `${name}:${sent.get(name)!.trim().replaceAll(/\s+/g, ' ')}`),
    '',
    names.join(';'),
    sha256(data as Buffer),
  ].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, secret) as Buffer;
  return hmac(key, `HMAC-SHA256\n${xDate}\n${scope}\n${sha256(canonical)}`).toString('hex');
}

describe('the interceptor', () => {
  const context = { region: 'cn-north-1', service: 'rtc', now: () => NOW };

  it('signs what is sent, whatever that is and whatever was signed before it', () => {
    const sign = createSigningInterceptor(context);
    const word = fc.stringMatching(/^[!-~]{1,12}$/);
    const given = fc.record({
      url: fc.constantFrom(
        URL_,
        'http://127.0.0.1:8787/?Version=2023-07-20&Action=SendUnicast',
        "https://open.byteplusapi.com/path/?b=!'()*&a=%20+",
      ),
      method: fc.constantFrom('POST', 'get', 'Put'),
      contentType: fc.constantFrom(undefined, 'application/json', 'text/plain;  charset=utf-8'),
      data: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      credentials: fc
        .tuple(word, word, fc.option(word, { nil: undefined }))
        .map(([accessKeyId, secretAccessKey, sessionToken]) => ({
          accessKeyId,
          secretAccessKey,
          sessionToken,
        })),
      clockOffsetMs: fc.integer({ min: -1e11, max: 1e11 }),
    });
    fc.assert(
      fc.property(given, (request) => {
        const signed = sign(configOf(request));
        const { accessKeyId, secretAccessKey, sessionToken } = request.credentials;
        const authorization = String(signed.headers['Authorization']);
        const [, credential, names, signature] =
          /^HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([\da-f]{64})$/.exec(authorization)!;
        const xDate = String(signed.headers['X-Date']);
        expect(credential).toBe(`${accessKeyId}/${xDate.slice(0, 8)}/cn-north-1/rtc/request`);
        expect(names!.split(';')).toEqual([
          'content-type',
          'host',
          'x-content-sha256',
          'x-date',
          ...(sessionToken === undefined ? [] : ['x-security-token']),
        ]);
        expect(signature).toBe(signatureOf(signed, secretAccessKey, 'cn-north-1', 'rtc'));
        expect(signed.headers['X-Security-Token']).toBe(sessionToken);
        expect(signed.headers['X-Content-Sha256']).toBe(sha256(request.data));
        expect(signed.headers['Host']).toBe(new URL(request.url).host);
        expect(signed.headers['Content-Type']).toBe(request.contentType ?? 'application/json');
        const iso = xDate.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
        expect(Date.parse(iso)).toBe(Math.floor((NOW + request.clockOffsetMs) / 1_000) * 1_000);
      }),
      { numRuns: 300 },
    );
  });

  it('uses the clock of this machine by default', () => {
    const sign = createSigningInterceptor({ region: 'cn-north-1', service: 'rtc' });
    const before = Math.floor(Date.now() / 1_000) * 1_000;
    const xDate = String(sign(configOf({})).headers['X-Date']);
    const iso = xDate.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
    expect(Date.parse(iso)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(iso)).toBeLessThanOrEqual(Date.now());
  });

  it('signs correctly for any number of URLs', () => {
    const sign = createSigningInterceptor(context);
    for (const round of [1, 2]) {
      for (let index = 0; index < 70; index++) {
        const signed = sign(
          configOf({ url: `http://127.0.0.1/?Action=A${index}`, data: Buffer.from(String(round)) }),
        );
        expect(signed.url).toBe(`http://127.0.0.1/?Action=A${index}`);
        expect(String(signed.headers['Authorization'])).toContain(
          signatureOf(signed, 'secret', 'cn-north-1', 'rtc'),
        );
      }
    }
  });

  it('signs a GET where no method is given, and refuses a body that is no Buffer', () => {
    const sign = createSigningInterceptor(context);
    const { method: _method, ...config } = configOf({});
    const signed = sign(config as InternalAxiosRequestConfig);
    expect(String(signed.headers['Authorization'])).toContain(
      signatureOf({ ...signed, method: 'GET' }, 'secret', 'cn-north-1', 'rtc'),
    );
    for (const data of ['{}', { a: 1 }, new Uint8Array(2), undefined])
      expect(() => sign({ ...configOf({}), data })).toThrow(
        new TypeError('Only a Buffer can be signed and sent unchanged.'),
      );
  });
});
