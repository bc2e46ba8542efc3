import { ValidateBy, ValidateIf, type ValidationArguments } from 'class-validator';
import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import { idProblem, type ListProblem, messageProblem, recipientProblems } from './field-rules.js';

/** A room's or a user's ID. */
export function IsRtcId(): PropertyDecorator {
  return ValidateBy({
    name: 'isRtcId',
    validator: {
      validate: (value: unknown) => idProblem(value) === undefined,
      defaultMessage: (args) => `${args?.property}: ${idProblem(args?.value)}`,
    },
  });
}

/** The name under which class-validator reports a list of recipients. */
export const RECIPIENTS_CONSTRAINT = 'isRecipientList';

/** 1–600 user IDs. */
export function IsRecipientList(): PropertyDecorator {
  return ValidateBy({
    name: RECIPIENTS_CONSTRAINT,
    validator: {
      validate: (value: unknown) => recipientProblems(value).length === 0,
      defaultMessage: (args) =>
        recipientProblems(args?.value)
          .map((problem) => `${pathInList(args?.property ?? '', problem)}: ${problem.message}`)
          .join('; '),
    },
  });
}

/** Where in a list a problem is: `to[3]`. */
export function pathInList(property: string, { index }: ListProblem): string {
  return index === undefined ? property : `${property}[${index}]`;
}

/** Text, bytes, or (where the object's `binary` is true) base64, as much as the action takes. */
export function IsRtcMessage(action: RtcActionName): PropertyDecorator {
  const problemOf = (args: ValidationArguments | undefined): string | undefined =>
    messageProblem(
      args?.value,
      (args?.object as { binary?: unknown } | undefined)?.binary,
      RTC_ACTIONS[action].maxMessageBytes,
    );
  return ValidateBy({
    name: 'isRtcMessage',
    validator: {
      validate: (_value, args) => problemOf(args) === undefined,
      defaultMessage: (args) => `${args?.property}: ${problemOf(args)}`,
    },
  });
}

/** May be left out. Unlike `@IsOptional()`, null is not taken for "left out". */
export function MayBeLeftOut(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}
