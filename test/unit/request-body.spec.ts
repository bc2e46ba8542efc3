import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bodyTemplate, requestBody } from '../../lib/openapi/request-body.js';

const id = fc.stringMatching(/^[a-zA-Z0-9@._-]{1,128}$/);
const fields = fc.record({
  AppId: fc.string(),
  RoomId: fc.string(),
  From: fc.string(),
  Message: fc.string({ unit: 'grapheme', maxLength: 200 }),
});

describe("a request's body", () => {
  it('is the JSON of its fields, and knows how many users it names', () => {
    const of = (to: string | readonly string[] | undefined) => {
      const { bytes, recipients } = requestBody({ AppId: 'app', RoomId: undefined }, to, {
        Message: 'hello',
      });
      return [bytes.toString(), recipients];
    };
    expect(of(['a', 'b'])).toEqual(['{"AppId":"app","To":["a","b"],"Message":"hello"}', 2]);
    expect(of('a')).toEqual(['{"AppId":"app","To":"a","Message":"hello"}', 1]);
    expect(of(undefined)).toEqual(['{"AppId":"app","Message":"hello"}', undefined]);
  });

  it('that is made from a template says the same, whatever message and users it has', () => {
    fc.assert(
      fc.property(fields, fc.array(fc.array(id, { maxLength: 20 }), { maxLength: 3 }), (all, chunks) => {
        const { Message, ...address } = all;
        const bodyFor = bodyTemplate(address, { Message });
        for (const To of chunks) {
          for (const { bytes, recipients } of [bodyFor(To), requestBody(address, To, { Message })]) {
            expect(JSON.parse(bytes.toString('utf8'))).toEqual({ ...all, To });
            expect(recipients).toBe(To.length);
          }
        }
      }),
    );
  });
});
