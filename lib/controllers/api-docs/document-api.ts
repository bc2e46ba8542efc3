import { REQUEST_FIELDS } from '../../dto/request-fields.js';
import type { RtcActionName } from '../../openapi/rtc-action.js';
import { ACTION_ROUTES, pathParameters } from '../action-routes.js';
import { DEFAULT_CONTROLLER_PATH, type ControllerSettings } from '../controller-options.js';
import type { ActionController, ActionControllers } from '../create-controllers.js';
import { RtcErrorAnswer, RtcSendReceipt } from './answer-models.js';

type Swagger = typeof import('@nestjs/swagger');

/** Answers of the library beside 200. */
const REFUSALS = {
  400: 'A rule is broken; `issues` names each field. Nothing was sent.',
  429:
    'The quota is used up: its queue is full (`RTC_QUOTA`, nothing was sent), or the service went on throttling ' +
    'until the retries were over. The message was not accepted.',
  502: 'The service refused or could not be reached, or there are no credentials. The message was not accepted.',
  503: 'The app is shutting down. The message was not accepted.',
  504: 'It is unknown whether the message was accepted: sending again may deliver it twice.',
};
const RETRY_AFTER = {
  'Retry-After': {
    description: 'When it is worth trying again, in seconds.',
    schema: { type: 'integer' as const, minimum: 1 },
  },
};

/**
 * Documents a module's controllers if `@nestjs/swagger` is installed. Its decorators are applied when the app boots.
 * (The models of answers need none, nor do the DTOs, see `RequestRules()`.)
 */
export async function documentApi(
  controllers: ActionControllers,
  settings: ControllerSettings,
): Promise<void> {
  let swagger: Swagger;
  try {
    swagger = await import('@nestjs/swagger');
  } catch {
    // An app that has API documentation loads Swagger itself, and fails by itself if it can't. No other must fail here.
    return;
  }
  for (const [action, controller] of controllers) documentController(swagger, action, controller, settings);
}

function documentController(
  swagger: Swagger,
  action: RtcActionName,
  controller: ActionController,
  { path, allowFrom }: ControllerSettings,
): void {
  const { ApiBody, ApiOperation, ApiParam, ApiResponse, ApiTags } = swagger;
  const route = ACTION_ROUTES[action];
  const inPath = new Set(pathParameters(route.path));
  const fields = Object.entries(REQUEST_FIELDS[action]);
  const body = fields.filter(([name]) => !inPath.has(name) && (allowFrom || name !== 'from'));
  const prototype = controller.prototype as object;
  const method = Object.getOwnPropertyDescriptor(prototype, 'send') ?? {};

  ApiTags('RTC messaging')(controller);
  const decorators: MethodDecorator[] = [
    ApiOperation({ operationId: `${action}${operationSuffix(path)}`, summary: route.summary }),
    // Of the app's own path, of which nothing more is known.
    ...pathParameters(path).map((name) => ApiParam({ name, schema: { type: 'string' } })),
    ...fields
      .filter(([name]) => inPath.has(name))
      .map(([name, { schema }]) => {
        const { description, ...rest } = schema;
        return ApiParam({ name, description, schema: rest } as Parameters<typeof ApiParam>[0]);
      }),
    ApiBody({
      required: true,
      schema: {
        type: 'object',
        additionalProperties: false,
        required: body.filter(([, { required = false }]) => required).map(([name]) => name),
        properties: Object.fromEntries(body.map(([name, { schema }]) => [name, schema])) as Record<
          string,
          { type: string }
        >,
      },
    }),
    ApiResponse({ status: 200, description: 'The service accepted the message.', type: RtcSendReceipt }),
    ...Object.entries(REFUSALS).map(([status, description]) =>
      ApiResponse({
        status: Number(status),
        description,
        type: RtcErrorAnswer,
        ...(status === '429' && { headers: RETRY_AFTER }),
      }),
    ),
  ];
  for (const decorate of decorators) decorate(prototype, 'send', method);
}

/** Unique among the controllers of several modules, whose paths differ. */
function operationSuffix(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.join('/') === DEFAULT_CONTROLLER_PATH) return '';
  return ['', ...parts.map((part) => part.replaceAll('_', '__'))].join('_');
}
