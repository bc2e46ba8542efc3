import { Controller, HttpCode, Inject, Post, Req, type Type, UseFilters, UseGuards } from '@nestjs/common';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { BroadcastReceipt } from '../services/send-receipt.js';
import { ACTION_ROUTES, type SendingService } from './action-routes.js';
import type { ControllerSettings } from './controller-options.js';
import { type HttpRequest, readActionRequest } from './read-action-request.js';
import { RtcExceptionFilter } from './rtc-exception.filter.js';

/** A controller of one action, whose one method is `send`. */
export type ActionController = Type<{ send(request: HttpRequest): Promise<BroadcastReceipt> }>;

/** The controllers of a module, by action. */
export type ActionControllers = ReadonlyMap<RtcActionName, ActionController>;

/** Routes of these options' controllers, without the app's global prefix. */
export function routesOf({ path, actions }: ControllerSettings): string[] {
  const prefix = path.split('/').filter((part) => part !== '');
  return actions.map((action) => `/${[...prefix, ACTION_ROUTES[action].path].join('/')}`);
}

/**
 * Makes one controller for each configured action.
 * @param name of the module
 */
export function createControllers(settings: ControllerSettings, name: string | undefined): ActionControllers {
  return new Map(settings.actions.map((action) => [action, createController(action, settings, name)]));
}

/**
 * Makes a new controller class for each registration, since Nest keeps the path and the guards on the class. So two
 * modules can have two paths and two sets of guards.
 */
function createController(
  action: RtcActionName,
  { path, guards, allowFrom }: ControllerSettings,
  name: string | undefined,
): ActionController {
  const route = ACTION_ROUTES[action];

  @Controller(path)
  @UseGuards(...guards)
  @UseFilters(RtcExceptionFilter)
  class ActionController {
    constructor(@Inject(route.service(name)) private readonly service: SendingService) {}

    /** The request as it came, since pipes of the app change bodies and parameters. */
    @Post(route.path)
    @HttpCode(200)
    send(@Req() request: HttpRequest): Promise<BroadcastReceipt> {
      return this.service[route.method](readActionRequest(action, request, allowFrom));
    }
  }
  // Nest's log of routes and the API documentation name a controller by its class.
  Object.defineProperty(ActionController, 'name', { value: `${action}Controller` });
  return ActionController;
}
