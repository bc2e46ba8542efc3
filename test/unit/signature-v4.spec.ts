import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalQuery, sha256Hex, Stamp, toXDate } from '../../lib/openapi/signature-v4.js';
import { anyCharacter } from '../support/properties.js';
import { canonicalRequest, sign } from '../support/reference-signature.js';

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
    const signature = '28eeabbbd726b87002e0fe58ad8c1c768e619b06e2646f35b6ad7ed029a6d8a7';
    expect(sign(request, xDate, scope, secretAccessKey)).toBe(signature);
    const second = Date.parse('2020-12-30T08:18:05Z') / 1_000;
    const stamp = new Stamp(second, secretAccessKey, scope.region, scope.service);
    expect([stamp.xDate, stamp.sign(canonicalRequest(request))]).toEqual([xDate, signature]);
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

describe('the canonical form', () => {
  // Well-formed text of every plane, with much of what has a meaning in a URL.
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(..."&=+%?#/ ~*'()!."), anyCharacter),
    maxLength: 8,
  });
  const parameters = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 6 });
  const shuffled = <T>(values: fc.Arbitrary<T[]>): fc.Arbitrary<readonly [T[], T[]]> =>
    values.chain((one) =>
      fc.shuffledSubarray(one, { minLength: one.length }).map((other) => [one, other] as const),
    );

  it('of a query is the same in whatever order, in characters that need no escape, and can be read back', () => {
    fc.assert(
      fc.property(shuffled(parameters), ([one, other]) => {
        const query = canonicalQuery(one);
        expect(canonicalQuery(other)).toBe(query);
        expect(query).toMatch(/^([A-Za-z0-9\-_.~=&]|%[0-9A-F]{2})*$/);
        // A URL that is made of it has the same parameters, and the same form.
        const { searchParams } = new URL(`https://rtc.volcengineapi.com/?${query}`);
        expect(new Map(searchParams)).toEqual(new Map(one));
        expect(canonicalQuery(searchParams)).toBe(query);
      }),
      { numRuns: 500 },
    );
  });

  it('of a time is its second', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
        (time) => {
          const xDate = toXDate(time);
          const iso = xDate.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
          expect(Date.parse(iso)).toBe(Math.floor(time.getTime() / 1_000) * 1_000);
        },
      ),
    );
  });
});
