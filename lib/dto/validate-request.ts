import { getMetadataStorage, type ValidationError, validateSync } from 'class-validator';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import { pathInList, RECIPIENTS_CONSTRAINT } from './field.decorators.js';
import { MAX_LISTED, recipientProblems } from './field-rules.js';
import { copyOwnProperties } from './own-properties.js';

/**
 * Checks a copy of anything against a DTO class, and returns it as an instance of that: with every field of its own,
 * which is undefined where it was not given.
 * @throws RtcValidationError with every rule that is broken
 */
export function validateRequest<T extends object>(dtoClass: new () => T, input: unknown): T {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new RtcValidationError([{ path: 'request', message: 'must be an object' }]);
  }
  const fields = fieldsOf(dtoClass);
  const copy = copyOwnProperties(input, 'request');
  const dto = new dtoClass();
  for (const name of fields) {
    Object.defineProperty(dto, name, {
      value: copy[name],
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  // Left to class-validator's own whitelist, names such as "constructor" would pass.
  const unknown = Object.keys(copy).filter((name) => !fields.has(name));
  const issues = [
    ...validateSync(dto, { forbidUnknownValues: true }).flatMap(toIssues),
    ...unknownIssues(unknown),
  ];
  if (issues.length > 0) throw new RtcValidationError(issues);
  return dto;
}

/** The names that the DTO's decorators know: the class is the one list of its fields. */
function fieldsOf(dtoClass: new () => object): ReadonlySet<string> {
  let fields = knownFields.get(dtoClass);
  if (fields === undefined) {
    const rules = getMetadataStorage().getTargetValidationMetadatas(dtoClass, '', false, false);
    fields = new Set(rules.map(({ propertyName }) => propertyName));
    knownFields.set(dtoClass, fields);
  }
  return fields;
}
const knownFields = new WeakMap<object, ReadonlySet<string>>();

function toIssues({ property, value, constraints = {} }: ValidationError): ValidationIssue[] {
  if (RECIPIENTS_CONSTRAINT in constraints) {
    return recipientProblems(value).map((problem) => ({
      path: pathInList(property, problem),
      message: problem.message,
    }));
  }
  const prefix = `${property}: `;
  return Object.values(constraints).map((message) => ({
    path: property,
    message: message.startsWith(prefix) ? message.slice(prefix.length) : message,
  }));
}

function unknownIssues(names: readonly string[]): ValidationIssue[] {
  const listed = names
    .slice(0, MAX_LISTED)
    .map((name) => ({ path: shorten(name), message: 'is not a known property' }));
  const unlisted = names.length - listed.length;
  return unlisted === 0
    ? listed
    : [...listed, { path: 'request', message: `has ${unlisted} more unknown properties` }];
}

function shorten(name: string): string {
  // A name may be anything; it must not be able to forge a line of a log.
  const printable = name.replaceAll(/[^\x20-\x7e]/g, '?');
  return printable.length > 40 ? `${printable.slice(0, 40)}…` : printable;
}
