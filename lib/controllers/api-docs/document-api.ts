import { isNotInstalled } from '../../config/optional-package.js';
import { REQUEST_FIELDS } from '../../dto/request-fields.js';
import type { RtcActionName } from '../../openapi/rtc-action.js';
import { ACTION_ROUTES, pathParameters } from '../action-routes.js';
import { DEFAULT_CONTROLLER_PATH, type RtcControllerOptions } from '../controller-options.js';
import type { ActionController, ActionControllers } from '../create-controllers.js';
import { RtcErrorAnswer, RtcPlatformAnswer, RtcSendReceipt } from './answer-models.js';

type Swagger = typeof import('@nestjs/swagger');

/** Answers beside 200 and 400. Those of guards are left out if there are no guards. */
const OTHER_ANSWERS: readonly (readonly [
  status: number,
  description: string,
  type?: typeof RtcErrorAnswer,
])[] = [
  [401, 'A guard does not know who asks.'],
  [403, 'A guard refused.'],
  [413, "The body is larger than the app's limit."],
  [415, 'The body is of another type (Fastify).'],
  [
    429,
    'The quota is used up: its queue is full (`RTC_QUOTA`, nothing was sent), or the service went on throttling ' +
      'until the retries were over. The message was not accepted.',
    RtcErrorAnswer,
  ],
  [
    502,
    'The service refused or could not be reached, or there are no credentials. The message was not accepted.',
    RtcErrorAnswer,
  ],
  [503, 'The app is shutting down. The message was not accepted.', RtcErrorAnswer],
  [
    504,
    'It is unknown whether the message was accepted: sending again may deliver it twice.',
    RtcErrorAnswer,
  ],
];
const OF_GUARDS: ReadonlySet<number> = new Set([401, 403]);
const RETRY_AFTER = {
  'Retry-After': {
    description: 'When it is worth trying again, in seconds.',
    schema: { type: 'integer' as const, minimum: 1 },
  },
};

/**
 * Documents a module's controllers if `@nestjs/swagger` is installed. Its decorators are applied when the app boots.
 * (The models of answers need none, nor do the DTOs, see `RequestRules()`.)
 *
 * @param warn called if it is installed and can't be loaded
 */
export async function documentApi(
  controllers: ActionControllers,
  options: RtcControllerOptions,
  warn: (problem: string) => void,
): Promise<void> {
  let swagger: Swagger;
  try {
    swagger = await import('@nestjs/swagger');
  } catch (error) {
    // An app without API documentation must not fail because Swagger can't be loaded.
    if (!isNotInstalled(error, '@nestjs/swagger')) {
      warn("The API is not documented: @nestjs/swagger is installed and can't be loaded.");
    }
    return;
  }
  for (const [action, controller] of controllers) documentController(swagger, action, controller, options);
}

function documentController(
  swagger: Swagger,
  action: RtcActionName,
  controller: ActionController,
  { path = DEFAULT_CONTROLLER_PATH, allowFrom = false, guards = [] }: RtcControllerOptions,
): void {
  const { ApiBody, ApiOperation, ApiParam, ApiResponse, ApiTags, getSchemaPath } = swagger;
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
    ApiResponse({
      status: 400,
      description:
        'A rule is broken; `issues` names each field. Or the body is not JSON, which the platform answers by ' +
        'itself. Nothing was sent.',
      schema: { anyOf: [RtcErrorAnswer, RtcPlatformAnswer].map((model) => ({ $ref: getSchemaPath(model) })) },
    }),
    ...OTHER_ANSWERS.filter(([status]) => guards.length > 0 || !OF_GUARDS.has(status)).map(
      ([status, description, type = RtcPlatformAnswer]) =>
        ApiResponse({ status, description, type, ...(status === 429 && { headers: RETRY_AFTER }) }),
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
