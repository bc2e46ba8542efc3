import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { readOptions } from '../options/read-options.js';
import { flag, unless } from '../options/rules.js';
import type { RtcMessagingSettings } from './settings.js';

/** What is known about a module at its registration, before its settings. */
export interface Registration {
  /** The module's name. Undefined for a module without a name. */
  readonly name: string | undefined;
  /** Problems to report together with those of the settings. */
  readonly problems?: readonly ConfigProblem[];
  /** Whether `from` is required, since HTTP callers can't set it. */
  readonly needsFrom?: boolean;
  /** Routes of its controllers, such as `/rtc/rooms/:roomId/unicast`. */
  readonly routes?: readonly string[];
  /** As soon as they are known. */
  settings?: RtcMessagingSettings;
}

/** Name of the module without a name, in events and logs. */
export const DEFAULT_MODULE_NAME = 'default';

/** What each module takes beside its options. Nest would take any `isGlobal` for true. */
const EXTRAS = {
  name: unless<string>((name) => {
    if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) return 'must be 1–64 of a-z A-Z 0-9 . _ -';
    return name === DEFAULT_MODULE_NAME ? `"${name}" is what the module without a name is called` : undefined;
  }),
  isGlobal: flag,
} as const;

/**
 * Reads a module's name and `isGlobal`. With any problem, the boot fails.
 * @param path prefix of the options in problems
 */
export function readExtras(
  { name, isGlobal }: { readonly [Name in keyof typeof EXTRAS]?: unknown },
  path?: string,
) {
  const { problems } = readOptions(EXTRAS, { name, isGlobal }, path);
  // A wrong name is kept, so that what injects by it is found. Anything else has no text.
  return { name: typeof name === 'string' ? name : undefined, isGlobal: isGlobal === true, problems };
}
