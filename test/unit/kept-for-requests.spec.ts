import { expect, it } from '@jest/globals';
import { RequestTargets } from '../../lib/openapi/request-targets.js';
import { SigningStamps } from '../../lib/openapi/signing-stamps.js';

it('a URL is taken apart once, and rightly however many there are', () => {
  const targets = new RequestTargets();
  const url = (index: number): string => `https://host-${index}.example:8443/?Action=SendUnicast&n=${index}`;
  for (let index = 0; index < 100; index++) {
    const target = targets.of(url(index));
    expect(target).toEqual({
      protocol: 'https:',
      hostname: `host-${index}.example`,
      port: 8_443,
      path: `/?Action=SendUnicast&n=${index}`,
    });
    expect(targets.of(url(index))).toBe(target);
  }
});

it('as many URLs are kept as a client may call, and no more', () => {
  const targets = new RequestTargets();
  const first = targets.of('https://host-0.example/');
  for (let index = 1; index < 32; index++) targets.of(`https://host-${index}.example/`);
  expect(targets.of('https://host-0.example/')).toBe(first);
  targets.of('https://host-32.example/');
  expect(targets.of('https://host-0.example/')).not.toBe(first);
});

it('a second has one stamp, and each second its own', () => {
  const stamps = new SigningStamps('cn-north-1', 'rtc');
  const time = Date.parse('2026-01-02T23:59:59.000Z');
  const stamp = stamps.at(time);
  expect(stamp).toEqual({
    xDate: '20260102T235959Z',
    scope: { date: '20260102', region: 'cn-north-1', service: 'rtc' },
    scopeText: '20260102/cn-north-1/rtc/request',
  });
  expect(stamps.at(time + 999)).toBe(stamp);
  expect(stamps.at(time + 1_000)).toMatchObject({
    xDate: '20260103T000000Z',
    scopeText: '20260103/cn-north-1/rtc/request',
  });
  expect(stamps.at(time)).toEqual(stamp);
});
