import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { sha256Hex } from '../../lib/openapi/signature-v4.js';
import { QUERY, type RawRequestChanges, sendRaw, unicastBody } from '../support/raw-request.js';

const FIFTEEN_MINUTES = 15 * 60_000;

/** Of every answer to a request of this action. */
const METADATA = {
  RequestId: expect.stringMatching(/^\d{14}[0-9A-F]{18}$/),
  Action: 'BatchSendRoomUnicast',
  Version: '2023-07-20',
  Service: 'rtc',
  Region: 'cn-north-1',
};

describe("the emulator's gateway", () => {
  let emulator: RtcEmulator;
  beforeAll(async () => {
    emulator = await RtcEmulator.start({
      accounts: [{ credentials: { accessKeyId: 'other', secretAccessKey: 'other' }, appIds: ['other-app'] }],
    });
  });
  beforeEach(() => {
    emulator.clear();
    emulator.clock.offsetMs = 0;
  });
  afterAll(() => emulator.close());

  const refusal = async (changes: RawRequestChanges): Promise<[number, string, number | undefined]> => {
    const { status, body } = await sendRaw(emulator, changes);
    return [status, body.ResponseMetadata.Error?.Code, body.ResponseMetadata.Error?.CodeN];
  };

  it("answers in the vendor's shape", async () => {
    const { status, headers, body } = await sendRaw(emulator);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(body).toEqual({
      ResponseMetadata: METADATA,
      Result: { Message: 'Success' },
    });
  });

  it.each([
    ['the legacy version', { query: 'Action=BatchSendRoomUnicast&Version=2020-12-01' }],
    ['the query in another order', { query: 'Version=2023-07-20&Action=BatchSendRoomUnicast' }],
    ['fields that it does not know', { body: unicastBody({ Extra: 1 }) }],
    ['20,480 bytes of text', { body: unicastBody({ Message: 'é'.repeat(10_240) }) }],
    ['600 users', { body: unicastBody({ To: Array.from({ length: 600 }, (_, index) => `u${index}`) }) }],
    ['signed content headers', { signed: { 'content-type': 'application/json' } }],
  ] satisfies [string, RawRequestChanges][])('accepts %s', async (_what, changes) => {
    const { status, body } = await sendRaw(emulator, changes);
    expect([status, body.ResponseMetadata.Error]).toEqual([200, undefined]);
  });

  it.each<[string, RawRequestChanges, number, string, number?]>([
    ['no Action', { query: 'Version=2023-07-20' }, 400, 'MissingParameter', 100_002],
    ['no Version', { query: 'Action=BatchSendRoomUnicast' }, 400, 'MissingParameter', 100_002],
    [
      'no Authorization',
      { headers: { authorization: undefined } },
      401,
      'MissingAuthenticationToken',
      100_003,
    ],
    ['no X-Date', { headers: { 'x-date': undefined } }, 400, 'MissingRequestInfo', 100_004],
    [
      'no region in the credential',
      { headers: { authorization: 'HMAC-SHA256 Credential=a/20260101, SignedHeaders=host, Signature=ab' } },
      400,
      'MissingRequestInfo',
      100_004,
    ],
    [
      'no signature',
      { headers: { authorization: 'HMAC-SHA256 Credential=a/b/c/rtc/request, SignedHeaders=host' } },
      401,
      'MissingSignature',
      100_005,
    ],
    ['another algorithm', { headers: { authorization: 'Bearer abc' } }, 400, 'InvalidAuthorization'],
    [
      'a malformed credential',
      {
        headers: { authorization: 'HMAC-SHA256 Credential=a/b/c/rtc/x/y, SignedHeaders=host, Signature=ab' },
      },
      400,
      'InvalidCredential',
    ],
    ['a malformed date', { xDate: '2026-01-01T00:00:00Z' }, 400, 'InvalidTimestamp', 100_006],
    ['an old date', { xDate: '20200101T000000Z' }, 400, 'InvalidTimestamp', 100_006],
    ['a credential of another date', { scopeDate: '20200101' }, 400, 'InvalidCredential'],
    ['another service', { service: 'iam' }, 404, 'ServiceNotFound', 100_007],
    [
      'an unknown action',
      { query: 'Action=Nothing&Version=2023-07-20' },
      404,
      'InvalidActionOrVersion',
      100_008,
    ],
    [
      'an unknown version',
      { query: 'Action=BatchSendRoomUnicast&Version=1999-01-01' },
      404,
      'InvalidActionOrVersion',
      100_008,
    ],
    ['an unknown key', { accessKeyId: 'unknown' }, 401, 'InvalidAccessKey', 100_009],
    ['a wrong secret', { secretAccessKey: 'wrong' }, 401, 'SignatureDoesNotMatch', 100_010],
    [
      'an altered body',
      { sentBody: unicastBody({ Message: 'altered' }) },
      401,
      'SignatureDoesNotMatch',
      100_010,
    ],
    ['a wrong body hash', { signed: { 'x-content-sha256': 'ab' } }, 401, 'SignatureDoesNotMatch', 100_010],
    ['a token it never gave', { signed: { 'x-security-token': 'x' } }, 401, 'InvalidSecretToken'],
    ['GET', { method: 'GET', body: '' }, 405, 'MethodNotAllowed'],
    ['an empty body', { body: '' }, 400, 'InvalidParameter.BodyIsEmpty'],
    ['a body that is not JSON', { body: '{' }, 400, 'InvalidParameter.Unmarshal'],
    [
      'a body that is not UTF-8',
      { body: Buffer.from([0x22, 0xff, 0x22]) },
      400,
      'InvalidParameter.Unmarshal',
    ],
    ['an array as body', { body: '[]' }, 400, 'InvalidParameter.Unmarshal'],
    ['a number as RoomId', { body: unicastBody({ RoomId: 1 }) }, 400, 'InvalidParameter.Unmarshal'],
    ['a string as To', { body: unicastBody({ To: 'alice' }) }, 400, 'InvalidParameter.Unmarshal'],
    ['a number in To', { body: unicastBody({ To: ['alice', 1] }) }, 400, 'InvalidParameter.Unmarshal'],
    ['no AppId', { body: unicastBody({ AppId: undefined }) }, 400, 'InvalidParameter.IllegalAppId'],
    ['an unknown AppId', { body: unicastBody({ AppId: 'nowhere' }) }, 400, 'InvalidParameter.NotExistAppId'],
    [
      "another account's AppId",
      { body: unicastBody({ AppId: 'other-app' }) },
      403,
      'AccessDenied.NoPermissionForApp',
    ],
    [
      '129 characters of RoomId',
      { body: unicastBody({ RoomId: 'r'.repeat(129) }) },
      400,
      'InvalidParameter.IllegalRoomID',
    ],
    ['null as RoomId', { body: unicastBody({ RoomId: null }) }, 400, 'InvalidParameter.IllegalRoomID'],
    ['no From', { body: unicastBody({ From: undefined }) }, 400, 'InvalidParameter.IllegalFrom'],
    ['no user', { body: unicastBody({ To: [] }) }, 400, 'InvalidParameter.IllegalTo'],
    ['an empty message', { body: unicastBody({ Message: '' }) }, 400, 'InvalidParameter'],
    ['broken base64', { body: unicastBody({ Binary: true, Message: 'abc' }) }, 400, 'InvalidParameter'],
    [
      '20,481 bytes of binary',
      { body: unicastBody({ Binary: true, Message: Buffer.alloc(20_481).toString('base64') }) },
      400,
      'InvalidParameter.SizeOverLimit',
    ],
  ])('refuses %s', async (_what, changes, ...[status, code, codeN]) => {
    expect(await refusal(changes)).toEqual([status, code, codeN]);
    const { body } = await sendRaw(emulator, changes);
    expect(body.ResponseMetadata.Region).toMatch(/^[a-z]/);
    expect(emulator.accepted.total).toBe(0);
  });

  it('accepts signatures within 15 minutes of its own clock', async () => {
    const xDate = new Date(Math.floor(Date.now() / 1_000) * 1_000)
      .toISOString()
      .replaceAll(/[-:]|\.000/g, '');
    for (const [offsetMs, status] of [
      [FIFTEEN_MINUTES - 5_000, 200],
      [-FIFTEEN_MINUTES + 5_000, 200],
      [FIFTEEN_MINUTES + 5_000, 400],
      [-FIFTEEN_MINUTES - 5_000, 400],
    ] as const) {
      emulator.clock.offsetMs = offsetMs;
      const answer = await sendRaw(emulator, { xDate });
      expect([offsetMs, answer.status]).toEqual([offsetMs, status]);
      // A client can see from the answer what time it is there.
      expect(Math.abs(Date.parse(String(answer.headers['date'])) - emulator.clock.now())).toBeLessThan(2_000);
    }
  });

  it.each([
    'rtc.volcengineapi.com',
    'open-ap-singapore-1.volcengineapi.com',
    'open.byteplusapi.com',
    'rtc.cn-north-1.volcengine-api.com',
    'rtc.ap-singapore-1.byteplus-api.com:443',
    'RTC.VolcengineAPI.com',
    'rtc.volcengine-api.com.',
    'rtc.byteplus-api.com.:8787',
    'volcengineapi.com',
  ])("does not answer under the service's own name, %s", async (host) => {
    const { status } = await sendRaw(emulator, { headers: { host } });
    expect(status).toBe(421);
    expect(emulator.requests).toEqual([]);
  });

  it('does not answer as a proxy of the service', async () => {
    const socket = createConnection(Number(new URL(emulator.url).port), '127.0.0.1');
    socket.end(`GET http://rtc.volcengineapi.com/?${QUERY} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 421 /);
  });

  it('keeps a record of what came', async () => {
    await sendRaw(emulator);
    await sendRaw(emulator, { accessKeyId: 'unknown' });
    expect(emulator.requests).toMatchObject([
      { outcome: 'accepted', httpStatus: 200, method: 'POST', url: `/?${QUERY}` },
      { outcome: 'refused', httpStatus: 401, apiCode: 'InvalidAccessKey' },
    ]);
    expect(JSON.parse(emulator.requests[0]!.body.toString())).toMatchObject({ Message: 'hello' });
  });

  it('names the region of the credential in a refusal, and its own where there is none', async () => {
    const regionOf = async (authorization: string | undefined): Promise<string> => {
      const { body } = await sendRaw(emulator, { headers: { authorization } });
      expect(body.ResponseMetadata.Error.Code).toBeDefined();
      return body.ResponseMetadata.Region as string;
    };
    const credential = (region: string): string =>
      `HMAC-SHA256 Credential=ak/20260101/${region}/rtc/request, SignedHeaders=host, Signature=ab`;
    expect(await regionOf(credential('ap-southeast-1'))).toBe('ap-southeast-1');
    expect(await regionOf(undefined)).toBe('cn-north-1');
    expect(await regionOf('Bearer secret')).toBe('cn-north-1');
    expect(await regionOf(credential('<script>'))).toBe('cn-north-1');
  });

  it('says what is wrong with an offer to upgrade, as the HTTP client of Java makes', async () => {
    const { port, hostname } = new URL(emulator.url);
    const socket = createConnection(Number(port), hostname);
    socket.write(
      `POST /?${QUERY} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n` +
        'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nContent-Length: 2\r\n\r\n{}',
    );
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [^]*No upgrade to h2c here/);
  });

  it('records neither signature nor session token', async () => {
    await sendRaw(emulator, { signed: { 'x-security-token': 'CANARY-token' } });
    await sendRaw(emulator, { headers: { authorization: 'Bearer CANARY-bearer' } });
    expect(inspect(emulator.requests, { depth: 9 }) + JSON.stringify(emulator.requests)).not.toMatch(
      /CANARY|Signature=[\da-f]/,
    );
    expect(emulator.requests[0]!.headers['authorization']).toMatch(
      /^HMAC-SHA256 Credential=emulator-access-key\/\d{8}\/cn-north-1\/rtc\/request, SignedHeaders=host;x-date;x-security-token, Signature=\(withheld\)$/,
    );
  });

  describe('withholds from its record', () => {
    const TOKEN = 'STS-token+9f8e/7d6c=';
    const SIGNATURE = '28eeabbbd726b87002e0fe58ad8c1c768e619b06e2646f35b6ad7ed029a6d8a7';
    const authorized = (credential: string, names: string): Record<string, string> => ({
      authorization: `HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${SIGNATURE}`,
    });
    const SCOPE = '20260101/cn-north-1/rtc/request';

    it.each<[string, { path?: string; headers?: Record<string, string | string[]> }]>([
      [
        'a token and a signature in the query',
        { path: `&X-Security-Token=${encodeURIComponent(TOKEN)}&X-Signature=${SIGNATURE}` },
      ],
      ['a token as it is in the query', { path: `&x-security-token=${TOKEN}&Signature=${SIGNATURE}` }],
      ['a token in a query parameter of any name', { path: `&a=${encodeURIComponent(TOKEN)}` }],
      [
        'a query parameter that is a secret by its name',
        { path: '&api_key=CANARY&Password=CANARY&X-Secret=CANARY' },
      ],
      ['a token in the place of an access key', { headers: authorized(`${TOKEN}/${SCOPE}`, 'host') }],
      [
        'a token in the place of a date',
        { headers: authorized(`ak/${TOKEN}/cn-north-1/rtc/request`, 'host') },
      ],
      ['another scheme', { headers: { authorization: 'Bearer CANARY' } }],
      ['a token that comes twice', { headers: { 'x-security-token': [TOKEN, 'CANARY'] } }],
      ['a token in another header', { headers: { 'x-tt-security-token': TOKEN, 'x-note': `a ${TOKEN} b` } }],
      ['a secret key in another header', { headers: { 'x-note': 'CANARY-secret-key' } }],
      [
        'what is secret by its name',
        { headers: { 'proxy-authorization': 'Basic CANARY', cookie: 'CANARY', 'x-api-key': 'CANARY' } },
      ],
    ])('%s', async (_what, { path = '', headers = {} }) => {
      const server = await RtcEmulator.start({
        credentials: { accessKeyId: 'ak', secretAccessKey: 'CANARY-secret-key', sessionToken: TOKEN },
      });
      const request = httpRequest(`${server.url}`, { path: `/?${QUERY}${path}`, method: 'POST', headers });
      await once(request.end('{}'), 'response');
      const listed = (await (await fetch(`${server.url}/__emulator/requests`)).json()) as { url: string }[];
      const shown = JSON.stringify([listed, server.requests.map(({ body: _body, ...rest }) => rest)]);
      await server.close();
      expect(shown.toLowerCase()).not.toContain(SIGNATURE);
      expect(decodeURIComponent(shown)).not.toContain(TOKEN);
      expect(shown).not.toContain('CANARY');
      // What is no secret is there.
      expect(listed[0]?.url).toMatch(/^\/\?Action=BatchSendRoomUnicast&Version=2023-07-20/);
    });

    it('nothing that is none', async () => {
      const xContentSha256 = sha256Hex(unicastBody());
      await sendRaw(emulator, {
        signed: { 'content-type': 'application/json', 'x-content-sha256': xContentSha256 },
        query: `${QUERY}&Note=a%20b&Flag`,
        headers: { 'x-note': 'a b', traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` },
      });
      expect(emulator.requests).toMatchObject([
        {
          url: `/?${QUERY}&Note=a%20b&Flag`,
          headers: {
            'content-type': 'application/json',
            'x-content-sha256': xContentSha256,
            'x-note': 'a b',
            traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`,
            authorization: expect.stringMatching(
              /^HMAC-SHA256 Credential=emulator-access-key\/\d{8}\/cn-north-1\/rtc\/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=\(withheld\)$/,
            ),
          },
        },
      ]);
    });
  });

  it('counts how often each recipient was sent each message', async () => {
    await sendRaw(emulator, { body: unicastBody({ To: ['alice', 'bob'] }) });
    expect(emulator.accepted.duplicates()).toEqual([]);
    await sendRaw(emulator, { body: unicastBody({ To: ['bob', 'carol'] }) });
    expect(emulator.accepted.count('bob', 'hello')).toBe(2);
    expect(emulator.accepted.count('carol', 'hello')).toBe(1);
    expect(emulator.accepted.duplicates()).toMatchObject([{ roomId: 'room-1', userId: 'bob', times: 2 }]);
    await sendRaw(emulator, { body: unicastBody({ To: ['bob'], RoomId: 'room-2' }) });
    await sendRaw(emulator, { body: unicastBody({ To: ['bob'], From: 'other' }) });
    expect(emulator.accepted.duplicateCount).toBe(1);
    expect(emulator.accepted.count('bob', 'hello')).toBe(4);
    expect(emulator.accepted.total).toBe(6);
  });
});

describe("the emulator's quota", () => {
  it('refuses what is above it, for each account apart', async () => {
    const other = { accessKeyId: 'other', secretAccessKey: 'other' };
    const emulator = await RtcEmulator.start({
      quota: { requestsPerSecond: 5 },
      accounts: [{ credentials: other, appIds: ['other-app'] }],
    });
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => (await sendRaw(emulator)).status),
    );
    const elsewhere = await sendRaw(emulator, { ...other, body: unicastBody({ AppId: 'other-app' }) });
    const refused = await sendRaw(emulator);
    await emulator.close();
    expect(statuses.sort()).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect(elsewhere.status).toBe(200);
    expect(refused.body.ResponseMetadata.Error.Code).toBe('FlowLimitExceeded.QPSOverLimit');
  });
});
