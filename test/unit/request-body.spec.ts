import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RequestBody } from '../../lib/openapi/request-body.js';

const id = fc.stringMatching(/^[a-zA-Z0-9@._-]{1,128}$/);
const fields = fc.record({
  AppId: fc.string(),
  RoomId: fc.string(),
  From: fc.string(),
  Message: fc.string({ unit: 'grapheme', maxLength: 200 }),
});

describe("a request's body", () => {
  it('is the JSON of its fields, and knows how many users it names', () => {
    const { bytes, recipients } = RequestBody.of({ AppId: 'app', RoomId: undefined }, ['a', 'b']);
    expect([bytes.toString(), recipients]).toEqual(['{"AppId":"app","To":["a","b"]}', 2]);
    const one = RequestBody.of({ AppId: 'app' }, 'a');
    expect([one.bytes.toString(), one.recipients]).toEqual(['{"AppId":"app","To":"a"}', 1]);
    const everyone = RequestBody.of({ AppId: 'app' });
    expect([everyone.bytes.toString(), everyone.recipients]).toEqual(['{"AppId":"app"}', undefined]);
  });

  it('that is made from a template says the same, whatever message and users it has', () => {
    fc.assert(
      fc.property(fields, fc.array(fc.array(id, { maxLength: 20 }), { maxLength: 3 }), (all, chunks) => {
        const bodyFor = RequestBody.template(all);
        for (const To of chunks) {
          for (const { bytes, recipients } of [bodyFor(To), RequestBody.of(all, To)]) {
            expect(JSON.parse(bytes.toString('utf8'))).toEqual({ ...all, To });
            expect(recipients).toBe(To.length);
          }
        }
      }),
    );
  });
});
