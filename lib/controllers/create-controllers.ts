import {
  Controller,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  Inject,
  Post,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { MessageRequest } from '../dto/requests.dto.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { BroadcastReceipt } from '../services/send-receipt.js';
import { type ActionHttpRequest, ActionRequestPipe } from './action-request.pipe.js';
import { ACTION_ROUTES, pathParameters, type SendingService } from './action-routes.js';
import { DEFAULT_ACTIONS, DEFAULT_CONTROLLER_PATH, type RtcControllerOptions } from './controller-options.js';
import { RtcExceptionFilter } from './rtc-exception.filter.js';

const HttpRequestParts = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const { params, headers, body } = context.switchToHttp().getRequest<{
    params: Record<string, string>;
    headers: IncomingHttpHeaders;
    body: unknown;
  }>();
  return { params, contentType: headers['content-type'], body } satisfies ActionHttpRequest;
});

/** A controller of one action, whose one method is `send`. */
export type ActionController = Type<{ send(request: MessageRequest): Promise<BroadcastReceipt> }>;

/** The controllers of a module, by action. */
export type ActionControllers = ReadonlyMap<RtcActionName, ActionController>;

/** Routes of these options' controllers, without the app's global prefix. */
export function routesOf({
  path = DEFAULT_CONTROLLER_PATH,
  actions = DEFAULT_ACTIONS,
}: RtcControllerOptions): string[] {
  const prefix = path.split('/').filter((part) => part !== '');
  return actions.map((action) => `/${[...prefix, ACTION_ROUTES[action].path].join('/')}`);
}

/**
 * Makes one controller for each configured action.
 * @param name of the module
 */
export function createControllers(
  options: RtcControllerOptions,
  name: string | undefined,
): ActionControllers {
  const actions = options.actions ?? DEFAULT_ACTIONS;
  return new Map(actions.map((action) => [action, createController(action, options, name)]));
}

/**
 * Makes a new controller class for each registration, since Nest keeps the path and the guards on the class. So two
 * modules can have two paths and two sets of guards.
 */
function createController(
  action: RtcActionName,
  options: RtcControllerOptions,
  name: string | undefined,
): ActionController {
  const route = ACTION_ROUTES[action];
  const pipe = new ActionRequestPipe(action, options.allowFrom === true, pathParameters(route.path));

  @Controller(options.path ?? DEFAULT_CONTROLLER_PATH)
  @UseGuards(...(options.guards ?? []))
  @UseFilters(RtcExceptionFilter)
  class ActionController {
    constructor(@Inject(route.service(name)) private readonly service: SendingService) {}

    @Post(route.path)
    @HttpCode(200)
    send(@HttpRequestParts(pipe) request: MessageRequest): Promise<BroadcastReceipt> {
      return this.service[route.method](request);
    }
  }
  // Nest's log of routes and the API documentation name a controller by its class.
  Object.defineProperty(ActionController, 'name', { value: `${action}Controller` });
  return ActionController;
}
