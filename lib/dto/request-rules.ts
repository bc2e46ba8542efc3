import { applyDecorators, type Type as Class } from '@nestjs/common';
import { Transform, Type } from 'class-transformer';
import {
  getMetadataStorage,
  ValidateBy,
  ValidateIf,
  type ValidationArguments,
  ValidationTypes,
} from 'class-validator';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { NO_SENDER, pathInList, type RequestField, requestFields, SENDER_FIELD } from './request-fields.js';

/**
 * A class with the static method for which `@nestjs/swagger` looks: its compiler plugin writes one into an app's own
 * DTOs. So the DTOs, and what an app derives from them, are documented without this library loading Swagger.
 */
type Documented = Class<object> & { _OPENAPI_METADATA_FACTORY?(): Readonly<Record<string, object>> };

/** Gives a DTO the rules of an action's fields, and their documentation. */
export function RequestRules(action: RtcActionName): ClassDecorator {
  const fields = [...requestFields(action)];
  return (dto) => {
    const { prototype } = dto as unknown as Documented;
    for (const [name, field] of fields) keepTo(field)(prototype, name);
    // Not declared, since DTOs have no such property; see `WithFrom()`.
    IsNotForCallers(prototype, 'from');
    document(dto as unknown as Documented, fields);
  };
}

/**
 * A DTO whose callers may name the sender. The DTOs refuse that otherwise, since a caller could speak for anyone.
 * Use it as Nest's `PickType()` and the like, also on what they return.
 *
 * @example
 * class AnnouncementDto extends WithFrom(BatchSendRoomUnicastDto) {}
 */
export function WithFrom<T extends object>(
  dto: Class<T>,
): Class<
  T & {
    /** The sender's ID that clients see. Default: the module's `from`. */
    from?: string | undefined;
  }
> {
  class DtoWithFrom extends (dto as Class<object>) {}
  Object.defineProperty(DtoWithFrom, 'name', { value: `${dto.name}WithFrom` });
  document(DtoWithFrom, [['from', SENDER_FIELD]], dto);
  // class-validator reports what is inherited last, and `from` comes after the other fields.
  const rules = getMetadataStorage();
  for (const rule of rules.getTargetValidationMetadatas(dto, '', false, false)) {
    if (rule.propertyName !== 'from') rules.addValidationMetadata({ ...rule, target: DtoWithFrom });
  }
  keepTo(SENDER_FIELD)(DtoWithFrom.prototype, 'from');
  return DtoWithFrom as unknown as ReturnType<typeof WithFrom<T>>;
}

function document(
  dto: Documented,
  fields: readonly (readonly [string, RequestField])[],
  base?: Documented,
): void {
  const documented = fields.map(([name, { schema, required }]) => [name, { ...schema, required }] as const);
  Object.defineProperty(dto, '_OPENAPI_METADATA_FACTORY', {
    value: () => ({ ...base?._OPENAPI_METADATA_FACTORY?.(), ...Object.fromEntries(documented) }),
  });
}

/** A rule of class-validator for a field. */
function keepTo({ rule, required, problemsOf }: RequestField): PropertyDecorator {
  const messageOf = ({ property, value, object }: ValidationArguments): string | undefined => {
    const problems = problemsOf(value, object);
    if (problems.length === 0) return undefined;
    return problems.map((problem) => `${pathInList(property, problem)}: ${problem.message}`).join('; ');
  };
  return applyDecorators(...(required ? [] : [MAY_BE_LEFT_OUT]), Rule(rule, messageOf));
}

/** Unlike `@IsOptional()`, null is not taken for "left out". */
const MAY_BE_LEFT_OUT = ValidateIf((_object, value) => value !== undefined, { always: true });

const NOT_FOR_CALLERS = 'isNotForCallers';
const NO_SENDER_ISSUE = `from: ${NO_SENDER}`;

/**
 * Keeps class-transformer from converting a value to the property's type, as a ValidationPipe with
 * `enableImplicitConversion` has it do: `"false"` would become true, 7 a room's ID, and an object an exception. The
 * type keeps it from trying. Without the transformation it would copy bytes one by one into nothing. Types that are
 * derived from a DTO take over both.
 */
const AS_IT_CAME: readonly PropertyDecorator[] = [
  Type(() => Object),
  Transform(({ obj, key, value }): unknown =>
    // A subclass may read the field from another name, with @Expose().
    Object.hasOwn(obj as object, key) ? (obj as Record<string, unknown>)[key] : value,
  ),
];

/**
 * For `from`, which must not be there, unless a subclass has another rule for it. That has to be a rule of its own: a
 * ValidationPipe without `whitelist` passes on what no rule is about.
 */
const IsNotForCallers = applyDecorators(
  MAY_BE_LEFT_OUT,
  Rule(NOT_FOR_CALLERS, ({ object }) =>
    senderRules(object).every((name) => name === NOT_FOR_CALLERS) ? NO_SENDER_ISSUE : undefined,
  ),
);

/**
 * A rule of class-validator for the value as it came, in every validation group.
 * @param messageOf what is wrong, headed with the field; undefined if nothing is
 */
function Rule(name: string, messageOf: (args: ValidationArguments) => string | undefined): PropertyDecorator {
  const find = (args: ValidationArguments): string | undefined =>
    messageOf(args) ?? (namesUnknownSender(args.object) ? NO_SENDER_ISSUE : undefined);
  const validator = {
    validate: (_value: unknown, args?: ValidationArguments) => args !== undefined && find(args) === undefined,
    defaultMessage: (args?: ValidationArguments) => (args && find(args)) ?? '',
  };
  return applyDecorators(ValidateBy({ name, validator }, { always: true }), ...AS_IT_CAME);
}

/** What `PickType()` makes of a DTO has the rules of the fields that it picks, and so none that refuses `from`. */
function namesUnknownSender(object: object): boolean {
  const named = Object.hasOwn(object, 'from') && (object as { from?: unknown }).from !== undefined;
  return named && senderRules(object).length === 0;
}

/** The names of the rules that an object's class has for `from`, apart from whether it may be left out. */
function senderRules(object: object): (string | undefined)[] {
  return getMetadataStorage()
    .getTargetValidationMetadatas(object.constructor, '', false, false)
    .filter(
      ({ propertyName, type }) => propertyName === 'from' && type !== ValidationTypes.CONDITIONAL_VALIDATION,
    )
    .map(({ name }) => name);
}
