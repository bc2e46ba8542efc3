import { isUint8Array } from 'node:util/types';
import { printableName, type Rule, typeName, wrong } from '../options/rules.js';

const PLAIN = 'Object';

/** Writes an object as JSON, unless JSON would not keep the contents of the object or of one of its parts. */
export const jsonBody: Rule<string> = (given) => {
  let got = 'a circle or a BigInt, or what is too deep or throws';
  try {
    const json = JSON.stringify(given, function (this: Readonly<Record<string, unknown>>, name, value) {
      // A Buffer's toJSON() makes an object of it.
      const part: unknown = isUint8Array(this[name]) ? this[name] : value;
      if (typeof part !== 'object' || part === null || Array.isArray(part)) return value;
      // Asked once: near the end of the stack, another question may have another answer.
      const kind = kindOf(part);
      if (kind === PLAIN) return value;
      got = `${kind}${name && ` in ${printableName(name)}`}`;
      throw new TypeError();
    }) as string | undefined;
    // toJSON() may return anything.
    if (json?.startsWith('{') === true) return { value: json };
    got = typeName(given);
  } catch {
    // What was found is reported.
  }
  return wrong(`must be an object of plain fields, got ${got}`);
};

/** Whether a value is an object whose contents are in its fields, unlike those of a Map, bytes or a form. */
export function isPlain(given: unknown): given is object {
  return kindOf(given) === PLAIN;
}

function kindOf(given: unknown): string {
  try {
    return printableName(Object.prototype.toString.call(given).slice('[object '.length, -1));
  } catch {
    return 'what is too deep or throws';
  }
}
