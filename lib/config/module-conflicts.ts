import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { join } from '../options/option-table.js';
import { Redacted } from '../privacy/redacted.js';
import type { Registration } from './registration.js';
import type { RtcMessagingSettings } from './settings.js';

/**
 * Conflicts of a module with the app's other modules. With equal routes, the first module would get the requests of
 * both and send them with its own account.
 */
export function conflictProblems(own: Registration, others: readonly Registration[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (own.name !== undefined && others.some(({ name }) => name === own.name)) {
    problems.push({ option: 'name', message: `"${own.name}" is the name of another module too` });
  }
  const taken = (own.routes ?? []).filter((route) =>
    others.some(({ routes = [] }) => routes.includes(route)),
  );
  if (taken.length > 0) {
    problems.push({
      option: 'controller.path',
      message: `is that of another module too (POST ${taken.join(', POST ')}); give each a path of its own`,
    });
  }
  return problems;
}

/**
 * Conflicts of a module without a name with the app's others. All are injected by the same classes, so that one of them
 * would silently send for both.
 */
export function unnamedProblems(own: RtcMessagingSettings, others: readonly Registration[]): ConfigProblem[] {
  const first = others.find(({ name, settings }) => name === undefined && settings)?.settings;
  const differing = first === undefined ? [] : differingOptions('', first, own);
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

/** The paths of what is not the same. Functions and agents are the same only if they are one object. */
function differingOptions(path: string, one: unknown, other: unknown): string[] {
  if (one instanceof Redacted && other instanceof Redacted)
    return differingOptions(path, one.open(), other.open());
  if (Object.is(one, other)) return [];
  if (!isPlain(one) || !isPlain(other)) return [path];
  return Object.keys({ ...one, ...other }).flatMap((key) =>
    differingOptions(join(path, key), one[key], other[key]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
