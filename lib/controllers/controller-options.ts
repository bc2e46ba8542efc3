import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { isRtcActionName, RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';

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

/** The HTTP controllers, which are off unless asked for. Who may call it must be said, one way or the other. */
export type RtcControllerOptions = ControllerBaseOptions &
  (
    | {
        /** Who may call it: at least one guard of Nest's, a class or an instance. */
        readonly guards: readonly Guard[];
        /** Left out where there are guards. */
        readonly allowAnonymous?: false | undefined;
      }
    | {
        /** Lets anyone who reaches the server send to anyone in any room. */
        readonly allowAnonymous: true;
        /** Guards that decide on other grounds than who is calling. */
        readonly guards?: readonly Guard[] | undefined;
      }
  );

export const DEFAULT_CONTROLLER_PATH = 'rtc';
export const DEFAULT_ACTIONS: readonly RtcActionName[] = ['BatchSendRoomUnicast'];
const KNOWN = new Set(['path', 'actions', 'allowFrom', 'imports', 'guards', 'allowAnonymous']);

/** What is wrong with the options; with any problem, no controller is mounted and the boot fails. */
export function controllerProblems(options: unknown): ConfigProblem[] {
  if (options === undefined) return [];
  if (typeof options !== 'object' || options === null) {
    return [{ option: 'controller', message: 'must be an object' }];
  }
  const problems: ConfigProblem[] = Object.keys(options)
    .filter((name) => !KNOWN.has(name))
    .map((name) => ({ option: `controller.${name}`, message: 'is not an option' }));
  const { path, actions, allowFrom, guards, allowAnonymous } = options as Partial<
    Record<keyof RtcControllerOptions, unknown>
  >;
  if (path !== undefined && (typeof path !== 'string' || path.trim() === '')) {
    problems.push({ option: 'controller.path', message: 'must be a path such as rtc' });
  }
  if (actions !== undefined && !isActionList(actions)) {
    const names = Object.keys(RTC_ACTIONS).join(', ');
    problems.push({ option: 'controller.actions', message: `must be an array of ${names}, at least one` });
  }
  for (const [name, flag] of Object.entries({ allowFrom, allowAnonymous })) {
    if (flag !== undefined && typeof flag !== 'boolean') {
      problems.push({ option: `controller.${name}`, message: 'must be true or false' });
    }
  }
  if (guards !== undefined && !(Array.isArray(guards) && guards.every(isGuard))) {
    problems.push({
      option: 'controller.guards',
      message: 'must be an array of guards; one that is undefined may come from a circular import',
    });
  } else if (allowAnonymous !== true && (guards === undefined || guards.length === 0)) {
    problems.push({
      option: 'controller.guards',
      message: 'is empty: name the guards that decide who may send, or set allowAnonymous: true',
    });
  }
  return problems;
}

function isActionList(actions: unknown): boolean {
  return Array.isArray(actions) && actions.length > 0 && actions.every(isRtcActionName);
}

function isGuard(guard: unknown): boolean {
  const holder = typeof guard === 'function' ? (guard.prototype as unknown) : guard;
  return typeof (holder as Partial<CanActivate> | null | undefined)?.canActivate === 'function';
}
