import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { isRtcActionName, RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { readOptions } from '../options/read-options.js';
import { flag, hasMethods, listOf, must } from '../options/rules.js';

/** @inline */
interface ControllerBaseOptions {
  /** The path before those of the actions, such as `/rooms/:roomId/unicast`. Default `rtc`. */
  readonly path?: string | undefined;
  /**
   * Which actions can be called. Default `['BatchSendRoomUnicast']`.
   *
   * - `BatchSendRoomUnicast`: `POST {path}/rooms/:roomId/unicast`
   * - `SendRoomUnicast`: `POST {path}/rooms/:roomId/users/:to/unicast`
   * - `SendBroadcast`: `POST {path}/rooms/:roomId/broadcast`
   * - `SendUnicast`: `POST {path}/users/:to/unicast`
   */
  readonly actions?: readonly RtcActionName[] | undefined;
  /** Lets callers name the sender themselves (`from`). Default false: it is the module's `from`. */
  readonly allowFrom?: boolean | undefined;
  /** Modules that export what the guards inject. */
  readonly imports?: ModuleMetadata['imports'] | undefined;
}

/** @inline */
type Guard = Type<CanActivate> | CanActivate;

/** The HTTP controllers. They are off by default. Either `guards` or `allowAnonymous` is required. */
export type RtcControllerOptions = ControllerBaseOptions &
  (
    | {
        /** Guards that decide who may call it: at least one, each a class or an instance. */
        readonly guards: readonly Guard[];
        /** Left out where there are guards. */
        readonly allowAnonymous?: false | undefined;
      }
    | {
        /** Allows anyone who reaches the server to send to anyone in any room. */
        readonly allowAnonymous: true;
        /** Guards for other purposes than the caller's identity. */
        readonly guards?: readonly Guard[] | undefined;
      }
  );

export const DEFAULT_CONTROLLER_PATH = 'rtc';

const isGuard = (guard: unknown): boolean =>
  hasMethods(typeof guard === 'function' ? guard.prototype : guard, 'canActivate');

const OPTIONS = {
  path: {
    rule: must<string>('a path such as rtc', (path) => typeof path === 'string' && path.trim() !== ''),
    default: DEFAULT_CONTROLLER_PATH,
  },
  actions: {
    rule: must<readonly RtcActionName[]>(
      `an array of ${Object.keys(RTC_ACTIONS).join(', ')}, at least one`,
      (actions) => Array.isArray(actions) && actions.length > 0 && actions.every(isRtcActionName),
    ),
    default: ['BatchSendRoomUnicast'],
  },
  allowFrom: { rule: flag, default: false },
  imports: {
    rule: must<NonNullable<ModuleMetadata['imports']>>('an array of modules', Array.isArray),
    default: [],
  },
  guards: {
    rule: listOf<Guard>('an array of guards; one that is undefined may come from a circular import', isGuard),
    default: [],
  },
  allowAnonymous: { rule: flag, default: false },
} satisfies OptionTable<Record<keyof RtcControllerOptions, unknown>>;

/** The options, checked, with defaults. */
export type ControllerSettings = OptionValues<typeof OPTIONS>;

/** Reads the options once. With any problem, no controller is mounted and the boot fails. */
export function readController(options: unknown): {
  readonly controller: ControllerSettings | undefined;
  readonly problems: readonly ConfigProblem[];
} {
  if (options === undefined) return { controller: undefined, problems: [] };
  const { values, problems } = readOptions(OPTIONS, options, 'controller');
  const isWrong = problems.some(({ option }) => option === 'controller' || option === 'controller.guards');
  if (!isWrong && !values.allowAnonymous && values.guards.length === 0) {
    problems.push({
      option: 'controller.guards',
      message: 'is empty: name the guards that decide who may send, or set allowAnonymous: true',
    });
  }
  return { controller: values, problems };
}
