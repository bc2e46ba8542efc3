import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { Redacted } from '../privacy/redacted.js';
import type { RtcMessagingSettings } from './settings.js';

/** Of each app's first module without a name. Kept here, since modules are made at the same time. */
const settingsOfApps = new WeakMap<object, RtcMessagingSettings>();

/**
 * What is wrong with a module without a name beside the others of its app. All are injected by the same classes, so
 * that one of them would silently send for both.
 * @param app anything of which each app has one
 */
export function unnamedProblems(app: object, settings: RtcMessagingSettings): ConfigProblem[] {
  const first = settingsOfApps.get(app);
  if (first === undefined) {
    settingsOfApps.set(app, settings);
    return [];
  }
  const differing = differingOptions('', optionsOf(first), optionsOf(settings));
  if (differing.length === 0) return [];
  return [
    {
      option: 'name',
      message:
        `is missing: there is another module without a name, and its settings differ (${differing.join(', ')}). ` +
        'Give all but one a name, or register it once, with isGlobal: true, and import it elsewhere',
    },
  ];
}

function optionsOf({ name: _name, isEndpointGiven: _given, ...options }: RtcMessagingSettings): object {
  return options;
}

/** The paths of what is not the same. Functions and agents are the same only if they are one object. */
function differingOptions(path: string, one: unknown, other: unknown): string[] {
  if (one instanceof Redacted && other instanceof Redacted)
    return differingOptions(path, one.open(), other.open());
  if (Object.is(one, other)) return [];
  if (!isPlain(one) || !isPlain(other)) return [path];
  return Object.keys({ ...one, ...other }).flatMap((key) =>
    differingOptions(path === '' ? key : `${path}.${key}`, one[key], other[key]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
