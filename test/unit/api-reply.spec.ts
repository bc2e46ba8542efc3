import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ApiReply, readReply } from '../../lib/openapi/api-reply.js';
import { anyCharacter } from '../support/properties.js';

const SIGNATURE = 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592';
const SENT = {
  url: 'https://rtc.volcengineapi.com/?Action=SendRoomUnicast&Version=2023-11-01',
  body: Buffer.from(JSON.stringify({ RoomId: 'r', To: ['u'], Binary: false, Message: 'hello' })),
  authorization: `HMAC-SHA256 Credential=key/20260101/cn-north-1/rtc/request, SignedHeaders=host;x-date, Signature=${SIGNATURE}`,
  secretAccessKey: 'sk-TopSecret0123456789',
  sessionToken: 'STS-session-token-abcdefghijkl',
};
const read = (body: unknown): ApiReply => readReply(Buffer.from(JSON.stringify(body)), SENT);
const REQUEST_ID = '20260101000000ABC';

describe('an answer', () => {
  it.each<[string, unknown, ApiReply]>([
    [
      'a success',
      { ResponseMetadata: { RequestId: REQUEST_ID } },
      { kind: 'success', requestId: REQUEST_ID },
    ],
    [
      'a success whose error is null',
      { ResponseMetadata: { RequestId: REQUEST_ID, Error: null }, Result: { Message: 'no matter' } },
      { kind: 'success', requestId: REQUEST_ID, result: { Message: 'no matter' } },
    ],
    [
      'a success with an odd ID',
      { ResponseMetadata: { RequestId: 'a b' } },
      { kind: 'success', requestId: '(withheld)' },
    ],
    [
      'a success with an ID of the other form',
      { ResponseMetadata: { RequestId: '021718049470528d92fcbe0865fdffddfd92fcbe0865fdffdd' } },
      { kind: 'success', requestId: '021718049470528d92fcbe0865fdffddfd92fcbe0865fdffdd' },
    ],
    [
      "a success with an ID as the vendor's page prints it",
      { ResponseMetadata: { RequestId: '20230****10420' } },
      { kind: 'success', requestId: '20230****10420' },
    ],
    [
      'a success with a longer one',
      { ResponseMetadata: { RequestId: `20260101000000${'A'.repeat(25)}` } },
      { kind: 'success', requestId: '(withheld)' },
    ],
    [
      'an error',
      { ResponseMetadata: { RequestId: REQUEST_ID, Error: { Code: 'AccessDenied.App', CodeN: 100_013 } } },
      { kind: 'error', apiCode: 'AccessDenied.App', codeN: 100_013, requestId: REQUEST_ID },
    ],
    [
      'an error without a number or an ID',
      { ResponseMetadata: { Error: { Code: 'A', CodeN: '100013' } } },
      { kind: 'error', apiCode: 'A', codeN: undefined, requestId: undefined },
    ],
    [
      'an error of 128 characters',
      { ResponseMetadata: { Error: { Code: 'A'.repeat(128) } } },
      { kind: 'error', apiCode: 'A'.repeat(128), codeN: undefined, requestId: undefined },
    ],
  ])('is read: %s', (_what, body, reply) => {
    expect(read(body)).toEqual(reply);
  });

  it.each<[unknown, string]>([
    [{}, 'the body has no ResponseMetadata'],
    [[], 'the body has no ResponseMetadata'],
    [null, 'the body has no ResponseMetadata'],
    ['text', 'the body has no ResponseMetadata'],
    [{ ResponseMetadata: 'text' }, 'the body has no ResponseMetadata'],
    [{ ResponseMetadata: [] }, 'the body has no ResponseMetadata'],
    [{ ResponseMetadata: {} }, 'ResponseMetadata has no RequestId'],
    [{ ResponseMetadata: { RequestId: '' } }, 'ResponseMetadata has no RequestId'],
    [{ ResponseMetadata: { RequestId: 7 } }, 'ResponseMetadata has no RequestId'],
    [{ ResponseMetadata: { RequestId: 'r', Error: {} } }, 'ResponseMetadata.Error has no Code'],
    [{ ResponseMetadata: { RequestId: 'r', Error: 'text' } }, 'ResponseMetadata.Error has no Code'],
    [{ ResponseMetadata: { RequestId: 'r', Error: { Code: 7 } } }, 'ResponseMetadata.Error has no Code'],
    [{ ResponseMetadata: { RequestId: 'r', Error: { Code: '7up' } } }, 'ResponseMetadata.Error has no Code'],
    [{ ResponseMetadata: { RequestId: 'r', Error: { Code: 'a b' } } }, 'ResponseMetadata.Error has no Code'],
    [
      { ResponseMetadata: { RequestId: 'r', Error: { Code: 'Success', CodeN: 0 } } },
      'ResponseMetadata.Error says success',
    ],
    [{ ResponseMetadata: { RequestId: 'r', Error: { Code: 'OK' } } }, 'ResponseMetadata.Error says success'],
    [
      { ResponseMetadata: { RequestId: 'r', Error: { Code: 'AccessDenied', CodeN: 0 } } },
      'ResponseMetadata.Error says success',
    ],
    [{ ResponseMetadata: { Error: { Code: 'A'.repeat(129) } } }, 'ResponseMetadata.Error has no Code'],
  ])('that is %j is unreadable', (body, why) => {
    expect(read(body)).toEqual({ kind: 'unreadable', why });
  });

  it('that is empty or no JSON is unreadable', () => {
    expect(readReply(Buffer.alloc(0), SENT)).toEqual({ kind: 'unreadable', why: 'the body is empty' });
    expect(readReply(Buffer.from('<html>'), SENT)).toEqual({
      kind: 'unreadable',
      why: 'the body is not JSON',
    });
  });

  it('is read without a throw, into printable words only, whatever it is', () => {
    const metadata = fc.record(
      {
        RequestId: fc.oneof(fc.string({ unit: anyCharacter }), fc.jsonValue()),
        Error: fc.oneof(
          fc.jsonValue(),
          fc.record(
            { Code: fc.oneof(fc.string({ unit: anyCharacter }), fc.jsonValue()), CodeN: fc.jsonValue() },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((json) => Buffer.from(json)),
      metadata.map((one) => Buffer.from(JSON.stringify({ ResponseMetadata: one }))),
    );
    fc.assert(
      fc.property(body, (bytes) => {
        const reply = readReply(bytes, SENT);
        if (reply.kind === 'unreadable') return;
        if (reply.requestId !== undefined)
          expect(reply.requestId).toMatch(
            /^(\(withheld\)|20\d{12}[0-9A-F]{2,24}|20\d+\*{4}\d*|02\d{13}[0-9a-f]{16,40})$/,
          );
        if (reply.kind === 'error') expect(reply.apiCode).toMatch(/^[A-Za-z][\w.-]{0,127}$/);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an answer that repeats the request', () => {
  const shown = (error: object, sent: Partial<typeof SENT> = {}, requestId = REQUEST_ID): unknown => {
    const body = { ResponseMetadata: { RequestId: requestId, Error: error } };
    const reply = readReply(Buffer.from(JSON.stringify(body)), { ...SENT, ...sent });
    if (reply.kind !== 'error') throw new Error(reply.kind);
    return {
      code: reply.isWithheld ? '(none)' : reply.apiCode,
      codeN: reply.codeN,
      requestId: reply.requestId,
    };
  };
  const message = (text: string, binary = false) => ({
    body: Buffer.from(JSON.stringify({ RoomId: 'r', To: ['u'], Binary: binary, Message: text })),
  });

  it('has a published code shown whatever was sent', () => {
    const body = Buffer.from(
      JSON.stringify({ To: ['InvalidParameter.IllegalTo'], Message: 'AccessDenied, FailToConnect' }),
    );
    for (const code of ['InvalidParameter.IllegalTo', 'AccessDenied', 'FailToConnect']) {
      expect(shown({ Code: code }, { body })).toMatchObject({ code });
    }
  });

  it.each([
    ['a signature', `E${SIGNATURE}`, {}],
    ['a message', 'swordfish', message('swordfish')],
    ['a message as a word', 'Denied.Swordfish', message('swordfish')],
    ['a message in capitals', 'DeniedSWORDFISH', message('swordfish')],
    ['a message inside a longer word', 'Xswordfishy', message('swordfish')],
    ['a part of a message', 'Denied.Sword', message('the swordfish')],
    ['a message that was base64', 'Swordfish', message(Buffer.from('swordfish').toString('base64'), true)],
    [
      'a message in UTF-16',
      'Swordfish',
      message(Buffer.from('swordfish', 'utf16le').toString('base64'), true),
    ],
    [
      'a user',
      'NoSuchUser.Alice',
      { body: Buffer.from(JSON.stringify({ To: ['bob', 'alice'], Message: 'x' })) },
    ],
    ['a number', 'Denied482917', message('482917')],
    ['a word of the secret key', 'Denied.TopSecret', {}],
    ['a word of the token', 'SessionOver', {}],
    ['a message of short words', 'TheCatRanOff', message('the cat ran off')],
    ['a message in pieces', 'Buy.Now', message('buy now')],
    ['a message with something between its letters', 'Hunter', message('h-u-n-t-e-r')],
    ['a secret key in pieces', 'Sk.Top.Sec.Ret', {}],
  ])('does not have %s shown in its code', (_what, code, sent) => {
    expect(shown({ Code: code }, sent)).toMatchObject({ code: '(none)' });
  });

  it('has a code of the published form shown when no word of it was sent', () => {
    for (const code of [
      'QuotaExceeded',
      'AccessDenied.NewReason',
      'InvalidParameter.IllegalMessage',
      'OddOne.To',
    ]) {
      expect(shown({ Code: code })).toMatchObject({ code });
    }
  });

  it('has the words of published codes shown whatever was sent', () => {
    const { body } = message('{"room":"a","error":"access to a parameter","invalid":true}');
    for (const code of ['InvalidParameter.RoomClosed', 'InternalError.Unknown', 'AccessDenied.Parameter']) {
      expect(shown({ Code: code }, { body })).toMatchObject({ code });
    }
  });

  it('may share a word with the sender, which is no secret', () => {
    const body = Buffer.from(JSON.stringify({ From: 'server', AppId: 'app' }));
    expect(shown({ Code: 'InternalServerError' }, { body })).toMatchObject({ code: 'InternalServerError' });
  });

  it('has a number shown only if it may be one of the gateway', () => {
    expect(shown({ Code: 'AccessDenied', CodeN: 100_013 })).toMatchObject({ codeN: 100_013 });
    for (const codeN of [4829173655, 482917, 1, 100_013.5, '100013', -100_013, 1e100]) {
      expect(shown({ Code: 'AccessDenied', CodeN: codeN })).toMatchObject({ codeN: undefined });
    }
  });

  it.each([
    ['a message', 'pin-4829-1736'],
    ['six digits', '482917'],
    ['a message after a prefix', `m:20260101000000ABC`],
    ['a signature', SIGNATURE],
    ['a signature after a prefix', `trace:${SIGNATURE}`],
    ['a piece of a signature in the form of an ID', `20260101000000${SIGNATURE.slice(0, 20).toUpperCase()}`],
    ['a piece of a signature in the other form', `021718049470528${SIGNATURE.slice(4, 44)}`],
    ['a token', 'id=STS-session-token-abcdefghijkl'],
  ])('does not have %s shown in its request ID', (_what, requestId) => {
    expect(shown({ Code: 'AccessDenied' }, {}, requestId)).toMatchObject({ requestId: '(withheld)' });
  });
});
