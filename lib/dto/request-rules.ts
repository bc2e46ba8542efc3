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
import { join } from '../options/option-table.js';
import { REQUEST_FIELDS, type RequestField, type RequestFields, SENDER } from './request-fields.js';

/**
 * A class with the static method that `@nestjs/swagger` looks for. Swagger's compiler plugin adds that method to an
 * app's own DTOs. With it, the DTOs and classes derived from them are documented without loading Swagger here.
 */
type Documented = Class<object> & { _OPENAPI_METADATA_FACTORY?(): Readonly<Record<string, object>> };

/** The problem with `from` where callers may not set it. */
export const NO_SENDER = 'may not be chosen by the caller';

/** Gives a DTO the rules of an action's fields, and their documentation. */
export function RequestRules(action: RtcActionName): ClassDecorator {
  const { from: _sender, ...fields } = REQUEST_FIELDS[action];
  return (dto) => {
    const { prototype } = dto as unknown as Documented;
    for (const [name, field] of Object.entries(fields)) keepTo(field)(prototype, name);
    // Not declared, since the DTOs have no `from`, see `WithFrom()`.
    IsNotForCallers(prototype, 'from');
    document(dto as unknown as Documented, fields);
  };
}

/**
 * Makes a DTO whose callers may set `from`. The DTOs refuse it otherwise, since a caller could pose as any sender. Use
 * it like Nest's `PickType()`, also on its results.
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
  document(DtoWithFrom, { from: SENDER }, dto);
  keepTo(SENDER)(DtoWithFrom.prototype, 'from');
  return DtoWithFrom as unknown as ReturnType<typeof WithFrom<T>>;
}

function document(dto: Documented, fields: RequestFields, base?: Documented): void {
  const documented = (): Readonly<Record<string, object>> =>
    Object.fromEntries(
      Object.entries(fields).map(([name, { schema, required = false }]) => [name, { ...schema, required }]),
    );
  Object.defineProperty(dto, '_OPENAPI_METADATA_FACTORY', {
    value: () => ({ ...base?._OPENAPI_METADATA_FACTORY?.(), ...documented() }),
  });
}

/** A rule of class-validator for a field. */
function keepTo({ rule, required }: RequestField): PropertyDecorator {
  const messageOf = ({ property, value, object }: ValidationArguments): string | undefined => {
    if (value === undefined) return `${property}: is missing`;
    const checked = rule(value, false, object as Readonly<Record<string, unknown>>);
    if ('value' in checked) return undefined;
    return checked.problems.map(({ option, message }) => `${join(property, option)}: ${message}`).join('; ');
  };
  return applyDecorators(...(required ? [] : [MAY_BE_LEFT_OUT]), Rule('isRtcField', messageOf));
}

/** Unlike with `@IsOptional()`, null does not count as left out. */
const MAY_BE_LEFT_OUT = ValidateIf((_object, value) => value !== undefined, { always: true });

const NOT_FOR_CALLERS = 'isNotForCallers';
const NO_SENDER_ISSUE = `from: ${NO_SENDER}`;

/**
 * Keeps class-transformer from converting a value to the property's type, which a ValidationPipe with
 * `enableImplicitConversion` asks for: `"false"` would become true, 7 a room's ID, and an object an exception. The
 * `Type` prevents the conversion. The `Transform` keeps class-transformer from copying bytes one by one. Types that are
 * derived from a DTO inherit both.
 */
const AS_IT_CAME: readonly PropertyDecorator[] = [
  Type(() => Object),
  Transform(({ obj, key, value }): unknown =>
    // A subclass may read the field from another name, with @Expose().
    Object.hasOwn(obj as object, key) ? (obj as Record<string, unknown>)[key] : value,
  ),
];

/**
 * Refuses `from`, unless a subclass has another rule for it. It has to be a rule of its own: a ValidationPipe without
 * `whitelist` passes properties without rules.
 */
const IsNotForCallers = applyDecorators(
  MAY_BE_LEFT_OUT,
  Rule(NOT_FOR_CALLERS, ({ object }) =>
    senderRules(object).every((name) => name === NOT_FOR_CALLERS) ? NO_SENDER_ISSUE : undefined,
  ),
);

/**
 * A rule of class-validator for the original value, in every validation group.
 * @param messageOf the problem, beginning with the field, or undefined
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

/**
 * Whether an object has a `from` without a rule for it. `PickType()` copies only the rules of its fields, and so not
 * the rule that refuses `from`.
 */
function namesUnknownSender(object: object): boolean {
  const named = Object.hasOwn(object, 'from') && (object as { from?: unknown }).from !== undefined;
  return named && senderRules(object).length === 0;
}

/** Names of the rules for `from` on an object's class, without the condition that it may be left out. */
function senderRules(object: object): (string | undefined)[] {
  return getMetadataStorage()
    .getTargetValidationMetadatas(object.constructor, '', false, false)
    .filter(
      ({ propertyName, type }) => propertyName === 'from' && type !== ValidationTypes.CONDITIONAL_VALIDATION,
    )
    .map(({ name }) => name);
}
