import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ApiReply, readReply, withholdEchoes } from '../../lib/openapi/api-reply.js';
import '../support/properties.js';

const read = (body: unknown): ApiReply => readReply(Buffer.from(JSON.stringify(body)));
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
      { kind: 'success', requestId: REQUEST_ID },
    ],
    [
      'a success with an odd ID',
      { ResponseMetadata: { RequestId: 'a b' } },
      { kind: 'success', requestId: '(unprintable)' },
    ],
    [
      'a success with an ID of 128 characters',
      { ResponseMetadata: { RequestId: 'a'.repeat(128) } },
      { kind: 'success', requestId: 'a'.repeat(128) },
    ],
    [
      'a success with a longer one',
      { ResponseMetadata: { RequestId: 'a'.repeat(129) } },
      { kind: 'success', requestId: '(unprintable)' },
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
    [{ ResponseMetadata: { Error: { Code: 'A'.repeat(129) } } }, 'ResponseMetadata.Error has no Code'],
  ])('%j can not be read', (body, why) => {
    expect(read(body)).toEqual({ kind: 'unreadable', why });
  });

  it('that is none can not be read', () => {
    expect(readReply(Buffer.alloc(0))).toEqual({ kind: 'unreadable', why: 'the body is empty' });
    expect(readReply(Buffer.from('<html>'))).toEqual({ kind: 'unreadable', why: 'the body is not JSON' });
  });

  it('is read without a throw, and with nothing in it that can not be shown, whatever it is', () => {
    const metadata = fc.record(
      {
        RequestId: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
        Error: fc.oneof(
          fc.jsonValue(),
          fc.record(
            { Code: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()), CodeN: fc.jsonValue() },
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
        const reply = readReply(bytes);
        if (reply.kind === 'unreadable') return;
        if (reply.requestId !== undefined) expect(reply.requestId).toMatch(/^[\x21-\x7e]{1,128}$/);
        if (reply.kind === 'error') expect(reply.apiCode).toMatch(/^[A-Za-z][\w.-]{0,127}$/);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an answer that repeats the request', () => {
  const secret = 'the-secret-message';
  const error: ApiReply = { kind: 'error', apiCode: secret, requestId: REQUEST_ID };

  it('does not have what it repeats shown, of bytes or of text', () => {
    expect(withholdEchoes(error, [Buffer.from(`{"Message":"${secret}"}`), ''])).toEqual({
      ...error,
      isEcho: true,
    });
    expect(withholdEchoes({ kind: 'success', requestId: 'the-token' }, ['', 'has the-token in it'])).toEqual({
      kind: 'success',
      requestId: '(withheld)',
    });
    expect(withholdEchoes({ ...error, requestId: secret }, [secret])).toEqual({
      ...error,
      requestId: '(withheld)',
      isEcho: true,
    });
  });

  it('by accident, in less than eight characters, is shown', () => {
    expect(withholdEchoes({ kind: 'success', requestId: '1234567' }, ['1234567'])).toEqual({
      kind: 'success',
      requestId: '1234567',
    });
    expect(withholdEchoes({ kind: 'success', requestId: '12345678' }, ['12345678'])).toEqual({
      kind: 'success',
      requestId: '(withheld)',
    });
  });

  it('in nothing is shown as it is', () => {
    expect(withholdEchoes(error, ['something else'])).toBe(error);
    const nameless: ApiReply = { kind: 'error', apiCode: 'AccessDenied' };
    expect(withholdEchoes(nameless, ['undefined'])).toBe(nameless);
    const unreadable: ApiReply = { kind: 'unreadable', why: 'the body is empty' };
    expect(withholdEchoes(unreadable, ['the body is empty'])).toBe(unreadable);
  });
});
