import { describe, expect, it } from '@jest/globals';
import { Signer } from '@volcengine/openapi';
import { Client } from '@volcengine/sdk-core';
import fc from 'fast-check';
import { canonicalQuery, type NameValue, sha256Hex } from '../../lib/openapi/signature-v4.js';
import { anyCharacter } from '../support/properties.js';
import { sign } from '../support/reference-signature.js';
import { ActionCommand } from '../support/sdk-core-command.js';

const REQUESTS = 10_000;
const SEED = Number(process.env['SEED'] ?? 20_260_101);

const token = fc.stringMatching(/^[A-Za-z0-9+/=_-]{1,60}$/);
/** Well-formed Unicode of every plane. */
const unicode = fc.string({ unit: anyCharacter, maxLength: 60 });

const arbitraryRequest = fc.record({
  accessKeyId: token,
  secretAccessKey: token,
  sessionToken: fc.option(token, { nil: undefined }),
  region: fc.constantFrom('cn-north-1', 'ap-southeast-1', 'ap-singapore-1'),
  serviceName: fc.constantFrom('rtc', 'iam'),
  host: fc.constantFrom('rtc.volcengineapi.com', 'open.byteplusapi.com', '127.0.0.1:8787'),
  query: fc.dictionary(fc.stringMatching(/^[A-Za-z][\w.~-]{0,12}$/), unicode, {
    maxKeys: 4,
    noNullPrototype: true,
  }),
  body: fc.record({
    AppId: token,
    To: fc.array(token, { maxLength: 5 }),
    Message: unicode,
    Binary: fc.boolean(),
  }),
  extraHeader: fc.option(fc.stringMatching(/^[!-~]([ !-~]{0,20}[!-~])?$/), { nil: undefined }),
});
type ArbitraryRequest = typeof arbitraryRequest extends fc.Arbitrary<infer T> ? T : never;

/** Signs what a vendor's package signed: the same headers, under the same date. */
function signAgain(request: ArbitraryRequest, headers: Record<string, string>): string {
  const authorization = headers['Authorization'] ?? '';
  const signedNames = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  const byLowerName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const xDate = byLowerName.get('x-date') ?? '';
  const scope = { date: xDate.slice(0, 8), region: request.region, service: request.serviceName };
  return sign(
    {
      method: 'POST',
      path: '/',
      query: canonicalQuery(Object.entries(request.query)),
      headers: signedNames.map((name): NameValue => [name, byLowerName.get(name) ?? '']),
      bodySha256: sha256Hex(JSON.stringify(request.body)),
    },
    xDate,
    scope,
    request.secretAccessKey,
  );
}

const signatureIn = (headers: Record<string, string>): string =>
  /Signature=(\w+)$/.exec(headers['Authorization'] ?? '')?.[1] ?? 'none';

function signWithOpenApi(request: ArbitraryRequest): Record<string, string> {
  const headers: Record<string, string> = { Host: request.host };
  if (request.extraHeader !== undefined) headers['X-Extra'] = request.extraHeader;
  const signable = {
    region: request.region,
    method: 'POST',
    pathname: '/',
    params: { ...request.query },
    headers,
    body: JSON.stringify(request.body),
  };
  const signer = new Signer(signable, request.serviceName);
  signer.addAuthorization(
    {
      accessKeyId: request.accessKeyId,
      secretKey: request.secretAccessKey,
      sessionToken: request.sessionToken ?? '',
    },
    new Date('2026-01-02T03:04:05Z'),
  );
  return headers;
}

async function signWithSdkCore(request: ArbitraryRequest): Promise<Record<string, string>> {
  let headers: Record<string, string> = {};
  const client = new Client({
    host: request.host,
    region: request.region,
    accessKeyId: request.accessKeyId,
    secretAccessKey: request.secretAccessKey,
    sessionToken: request.sessionToken,
    autoRetry: false,
    // The package's own way of taking a request off its hands, just before it would be sent.
    requestHandler: {
      request: async <T>(sent: { headers?: Record<string, string> }) => {
        headers = sent.headers ?? {};
        return { status: 200, statusText: 'OK', headers: {}, data: {} as T };
      },
    },
  });
  await client.send(new ActionCommand(request.body, { ...request.query }, request.serviceName));
  return headers;
}

describe(`${REQUESTS} random requests (seed ${SEED})`, () => {
  const requests = fc.sample(arbitraryRequest, { numRuns: REQUESTS, seed: SEED });

  it('include session tokens and characters of every plane', () => {
    expect(requests.filter(({ sessionToken }) => sessionToken !== undefined).length).toBeGreaterThan(1_000);
    expect(
      requests.filter(({ body }) => /\p{Cs}|[\u{10000}-\u{10ffff}]/u.test(body.Message)).length,
    ).toBeGreaterThan(1_000);
  });

  it('are signed as @volcengine/openapi signs them', () => {
    const disagreements = requests.filter((request) => {
      const headers = signWithOpenApi(request);
      return signAgain(request, headers) !== signatureIn(headers);
    });
    expect(disagreements).toEqual([]);
  });

  it('are signed as @volcengine/sdk-core signs them', async () => {
    const disagreements: ArbitraryRequest[] = [];
    for (const request of requests) {
      const headers = await signWithSdkCore(request);
      if (signAgain(request, headers) !== signatureIn(headers)) disagreements.push(request);
    }
    expect(disagreements).toEqual([]);
  });
});
