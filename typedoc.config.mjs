import { readFileSync } from 'node:fs';

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

const FAULT_FIELDS = [
  'bytes',
  'cert',
  'code',
  'delayMs',
  'forMs',
  'intervalMs',
  'key',
  'kind',
  'location',
  'offsetMs',
];

/** The API reference: a module for each entry of the package, whichever there are. */
export default {
  name: 'nestjs-rtc-messaging',
  entryPoints: Object.values(exports)
    .flatMap((target) => target.import ?? [])
    .map((target) => target.replace('./dist/esm/', 'lib/').replace(/\.js$/, '.ts')),
  tsconfig: 'tsconfig.build.json',
  // Links to lines would need the repository's address, which package.json does not name.
  disableSources: true,
  highlightLanguages: ['ini', 'json', 'sh', 'ts'],
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  validation: { notExported: true, notDocumented: true, invalidLink: true, invalidPath: false },
  treatValidationWarningsAsErrors: true,
  // What nobody but the library makes or reads.
  intentionallyNotExported: [
    'ActionCaller',
    'CallbackSettings',
    'Environment',
    'PublishedErrorCode',
    'HealthRecord',
    'HealthSender',
    'MayAccept',
    'MayHaveStatus',
    'RTC_ACTIONS',
    'RtcMessagingSettings',
  ],
  // A fault's fields are explained where its kind is, above each member of the union.
  intentionallyNotDocumented: FAULT_FIELDS.map((field) => `emulator.Fault.__type.${field}`),
};
