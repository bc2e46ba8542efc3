const LIBRARY = 'this library';
const RAW = 'raw node:http';
const AXIOS = 'Axios + agent + signing';
const SDK_CORE = '@volcengine/sdk-core';

/**
 * What is aimed at, in words, what was measured, whether it holds, and what would be best, which nobody is held to; by the
 * results of those measurements that were made.
 */
export function judgeTargets({ signing, calls, fanOut, imports }) {
  const signed = (name) => signing.get(5_000).get(name).us;
  const call = (bytes, inFlight, name) => calls.get(`${bytes}/${inFlight}`).get(name);
  const cpuOf = (bytes, name) => call(bytes, 16, LIBRARY).cpuUs / call(bytes, 16, name).cpuUs;
  const fanOutOf = (name) => fanOut.get(LIBRARY).cpuUs / fanOut.get(name).cpuUs;
  return [
    ...(signing
      ? [atMost('signing at 5 KB, of the floor', 1.2, 1.1, signed(LIBRARY) / signed('floor'))]
      : []),
    ...(calls
      ? [
          atMost(`CPU a call (5 KB, 16 in flight), of ${RAW}`, 1.8, 1.6, cpuOf(5_000, RAW)),
          atMost(`CPU a call (5 KB, 16 in flight), of ${AXIOS}`, 0.45, 0.4, cpuOf(5_000, AXIOS)),
          atMost(`CPU a call (5 KB, 16 in flight), of ${SDK_CORE}`, 0.31, 0.28, cpuOf(5_000, SDK_CORE)),
          atMost(`CPU a call (99 KB, 16 in flight), of ${RAW}`, 1.4, 1.25, cpuOf(99_000, RAW)),
          atMost(
            `p50 added to ${RAW}, one in flight`,
            0.1,
            0.06,
            call(5_000, 1, LIBRARY).p50 - call(5_000, 1, RAW).p50,
            'ms',
          ),
        ]
      : []),
    ...(fanOut
      ? [
          atMost(`CPU a request of a fan-out, of ${RAW} by hand`, 1.5, 1.3, fanOutOf(RAW)),
          atMost(`CPU a request of a fan-out, of ${AXIOS} by hand`, 0.75, 0.65, fanOutOf(AXIOS)),
        ]
      : []),
    ...(imports
      ? [
          atMost(
            'importing it, Nest, Axios and class-validator being loaded',
            13,
            9,
            imports.get('nestjs-rtc-messaging').ms,
            'ms',
          ),
        ]
      : []),
  ];
}

function atMost(what, limit, best, measured, unit = '×') {
  return {
    what,
    aim: `≤ ${limit} ${unit}`,
    measured: `${measured.toFixed(2)} ${unit}`,
    best: `${best} ${unit}`,
    holds: measured <= limit,
  };
}
