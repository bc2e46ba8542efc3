import { applyDecorators } from '@nestjs/common';
import { Transform, Type } from 'class-transformer';
import {
  getMetadataStorage,
  ValidateBy,
  ValidateIf,
  type ValidationArguments,
  ValidationTypes,
} from 'class-validator';
import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import {
  flagProblem,
  idProblem,
  type ListProblem,
  messageProblem,
  recipientProblems,
} from './field-rules.js';

/** A room's or a user's ID. */
export function IsRtcId(): PropertyDecorator {
  return Rule('isRtcId', ({ property, value }) => about(property, idProblem(value)));
}

/** The name under which class-validator reports a list of recipients. */
export const RECIPIENTS_CONSTRAINT = 'isRecipientList';

/** 1–600 user IDs. */
export function IsRecipientList(): PropertyDecorator {
  return Rule(RECIPIENTS_CONSTRAINT, ({ property, value }) => {
    const problems = recipientProblems(value);
    if (problems.length === 0) return undefined;
    return problems.map((problem) => `${pathInList(property, problem)}: ${problem.message}`).join('; ');
  });
}

/** Where in a list a problem is: `to[3]`. */
export function pathInList(property: string, { index }: ListProblem): string {
  return index === undefined ? property : `${property}[${index}]`;
}

/** Text, bytes, or (where the object's `binary` is true) base64, as much as the action takes. */
export function IsRtcMessage(action: RtcActionName): PropertyDecorator {
  return Rule('isRtcMessage', ({ property, value, object }) => {
    const { binary } = object as { binary?: unknown };
    return about(property, messageProblem(value, binary, RTC_ACTIONS[action].maxMessageBytes));
  });
}

/** True or false, and no word for it. */
export function IsTrueOrFalse(): PropertyDecorator {
  return Rule('isTrueOrFalse', ({ property, value }) => about(property, flagProblem(value)));
}

/**
 * For `from`, which must not be there, unless a subclass has another rule for it. That has to be a rule of its own: a
 * ValidationPipe without `whitelist` passes on what no rule is about.
 */
export function IsNotForCallers(): PropertyDecorator {
  return Rule(NOT_FOR_CALLERS, ({ object }) =>
    senderRules(object).every((name) => name === NOT_FOR_CALLERS) ? NO_SENDER_ISSUE : undefined,
  );
}

/** May be left out. Unlike `@IsOptional()`, null is not taken for "left out". */
export function MayBeLeftOut(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined, { always: true });
}

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

const NOT_FOR_CALLERS = 'isNotForCallers';
/** Why a request may not have a `from`. */
export const NO_SENDER = 'may not be chosen by the caller';
const NO_SENDER_ISSUE = `from: ${NO_SENDER}`;

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

function about(property: string, problem: string | undefined): string | undefined {
  return problem && `${property}: ${problem}`;
}
