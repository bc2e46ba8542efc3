/** What is aimed at, in words, what was measured, and whether it holds; by the results of all measurements. */
export function judgeTargets({ signing, calls, imports }) {
  const signed = (name) => signing.get(5_000).get(name).us;
  const cpu = (bytes, inFlight, name) => calls.get(`${bytes}/${inFlight}`).get(name).cpuUs;
  const p50 = (name) => calls.get('5000/1').get(name).p50;
  const library = 'this library';
  const timesFaster = (name) => signed(name) / signed(library);
  const cpuRatio = (bytes, name) => cpu(bytes, 16, library) / cpu(bytes, 16, name);
  return [
    atMost('signing at 5 KB, of the floor', 1.15, signed(library) / signed('floor')),
    atLeast('signing at 5 KB, faster than @volcengine/sdk-core', 4, timesFaster('@volcengine/sdk-core')),
    atLeast('signing at 5 KB, faster than @volcengine/openapi', 30, timesFaster('@volcengine/openapi')),
    atMost(
      'CPU a call (5 KB, 16 in flight), of Axios + agent + signing',
      0.5,
      cpuRatio(5_000, 'Axios + agent + signing'),
    ),
    atMost(
      'CPU a call (5 KB, 16 in flight), of @volcengine/sdk-core',
      0.33,
      cpuRatio(5_000, '@volcengine/sdk-core'),
    ),
    atMost('CPU a call (5 KB, 16 in flight), of raw node:http', 1.8, cpuRatio(5_000, 'raw node:http')),
    atMost('CPU a call (99 KB, 16 in flight), of raw node:http', 1.3, cpuRatio(99_000, 'raw node:http')),
    atMost('p50 added to raw node:http, one in flight', 0.1, p50(library) - p50('raw node:http'), 'ms'),
    atMost(
      'importing it, Nest, Axios and class-validator being loaded',
      20,
      imports.get('nestjs-rtc-messaging').ms,
      'ms',
    ),
  ];
}

function atMost(what, limit, measured, unit = '×') {
  return {
    what,
    aim: `≤ ${limit} ${unit}`,
    measured: `${measured.toFixed(2)} ${unit}`,
    holds: measured <= limit,
  };
}

function atLeast(what, limit, measured, unit = '×') {
  return {
    what,
    aim: `≥ ${limit} ${unit}`,
    measured: `${measured.toFixed(1)} ${unit}`,
    holds: measured >= limit,
  };
}
