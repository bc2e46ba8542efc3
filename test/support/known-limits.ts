import type { KnownLimit } from './consumer-suite.js';
import { isBefore } from './node-binaries.js';

/** With Nest 12; with Nest 11, all works. `docs/compatibility.md` says what to do about each. */
export const NEST_12_LIMITS: readonly KnownLimit[] = [
  {
    app: 'CommonJS',
    check: 'Jest',
    applies: ({ version }) => isBefore(version, 24, 9),
    why: 'Nest 12 consists of ES modules. Jest can require those from CommonJS only on Node 24.9 and later',
    message: 'Must use import to load ES Module',
  },
  {
    app: 'ES modules',
    check: 'Vitest on Vite 7',
    applies: () => true,
    why: 'Vite 7 and earlier write no metadata of types, from which Nest knows what to inject: name it with @Inject',
    message: "Cannot read properties of undefined (reading 'batchSend')",
  },
];
