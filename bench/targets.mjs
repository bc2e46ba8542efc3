// What is aimed at, with all that the library does included, and what was measured.
const SIGNING_BYTES = 5_000;

/** @param results of all measurements; @returns [what, at most or at least, limit, measured, whether it holds] */
export function judgeTargets({ signing, calls, imports }) {
  const signed = (bytes, name) => signing.get(bytes).get(name).us;
  const cpu = (bytes, inFlight, name) => calls.get(`${bytes}/${inFlight}`).get(name).cpuUs;
  const p50 = (name) => calls.get('5000/1').get(name).p50;
  const library = 'this library';
  const cpuRatio = (bytes, name) => cpu(bytes, 16, library) / cpu(bytes, 16, name);
  return [
    atMost(
      'signing at 5 KB, of the floor',
      1.15,
      signed(SIGNING_BYTES, library) / signed(SIGNING_BYTES, 'floor'),
    ),
    ...['@volcengine/sdk-core', '@volcengine/openapi'].map((name, index) =>
      atLeast(
        `signing at 5 KB, faster than ${name}`,
        [4, 30][index],
        signed(SIGNING_BYTES, name) / signed(SIGNING_BYTES, library),
      ),
    ),
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
