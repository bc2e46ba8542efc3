import { isNotInstalled } from '../../config/optional-package.js';
import type { RtcActionName } from '../../openapi/rtc-action.js';
import { RTC_ACTIONS } from '../../openapi/rtc-action.js';
import { ACTION_ROUTES, pathParameters } from '../action-routes.js';
import { DEFAULT_CONTROLLER_PATH, type RtcControllerOptions } from '../controller-options.js';
import type { ActionControllers } from '../create-controllers.js';
import { ANSWER_MODELS, RtcErrorAnswer, RtcSendReceipt } from './answer-models.js';
import { requestFields } from './request-schemas.js';

type Swagger = typeof import('@nestjs/swagger');

const ERROR_ANSWERS: readonly (readonly [status: number, description: string])[] = [
  [400, 'A rule is broken; `issues` names each field. Nothing was sent.'],
  [429, "The quota's queue is full. Nothing was sent."],
  [502, 'The service refused, or could not be reached. The message was not accepted.'],
  [503, 'The app is shutting down. The message was not accepted.'],
  [504, 'It is unknown whether the message was accepted: sending again may deliver it twice.'],
];

/**
 * Documents the DTOs, for an app's own controllers, and the controllers of a module, if the app has
 * `@nestjs/swagger` installed; without it there is nothing to do. All decorators are applied from here, when the
 * app boots, so that nothing else of the library knows of Swagger.
 *
 * @param tell is told if it is installed and can't be loaded
 */
export async function documentApi(
  controllers: ActionControllers,
  options: RtcControllerOptions | undefined,
  tell: (problem: string) => void,
): Promise<void> {
  let swagger: Swagger;
  try {
    swagger = await import('@nestjs/swagger');
  } catch (error) {
    // An app that serves no documentation must not fail for want of it.
    if (!isNotInstalled(error, '@nestjs/swagger')) {
      tell("The API is not documented: @nestjs/swagger is installed and can't be loaded.");
    }
    return;
  }
  documentDtos(swagger);
  if (options === undefined) return;
  for (const [model, properties] of ANSWER_MODELS) {
    for (const [name, property] of Object.entries(properties)) {
      swagger.ApiProperty(property)(model.prototype as object, name);
    }
  }
  for (const [action, controller] of controllers) documentController(swagger, action, controller, options);
}

function documentDtos({ ApiProperty }: Swagger): void {
  for (const action of Object.keys(RTC_ACTIONS) as RtcActionName[]) {
    const { dto } = ACTION_ROUTES[action];
    for (const [name, { schema, required }] of requestFields(action)) {
      ApiProperty({ ...schema, required } as Parameters<typeof ApiProperty>[0])(
        dto.prototype as object,
        name,
      );
    }
  }
}

function documentController(
  swagger: Swagger,
  action: RtcActionName,
  controller: new (...args: never[]) => { send: unknown },
  { path = DEFAULT_CONTROLLER_PATH, allowFrom = false, guards = [] }: RtcControllerOptions,
): void {
  const { ApiBody, ApiExtraModels, ApiOperation, ApiParam, ApiResponse, ApiTags } = swagger;
  const route = ACTION_ROUTES[action];
  const inPath = new Set(pathParameters(route));
  const fields = [...requestFields(action)];
  const body = fields.filter(([name]) => !inPath.has(name) && (allowFrom || name !== 'from'));
  // Unique among the controllers of several modules, whose paths differ.
  const suffix = path === DEFAULT_CONTROLLER_PATH ? '' : `_${path.replaceAll(/\W+/g, '_')}`;
  const prototype = controller.prototype as object;
  const method = Object.getOwnPropertyDescriptor(prototype, 'send') ?? {};

  ApiTags('RTC messaging')(controller);
  ApiExtraModels(...ANSWER_MODELS.keys())(controller);
  const decorators: MethodDecorator[] = [
    ApiOperation({ operationId: `${action}${suffix}`, summary: route.summary }),
    ...fields
      .filter(([name]) => inPath.has(name))
      .map(([name, { schema }]) => {
        const { description, example, ...rest } = schema;
        return ApiParam({ name, description, example, schema: rest } as Parameters<typeof ApiParam>[0]);
      }),
    ApiBody({
      required: true,
      schema: {
        type: 'object',
        additionalProperties: false,
        required: body.filter(([, { required }]) => required).map(([name]) => name),
        properties: Object.fromEntries(body.map(([name, { schema }]) => [name, schema])) as Record<
          string,
          { type: string }
        >,
      },
    }),
    ApiResponse({ status: 200, description: 'The service accepted the message.', type: RtcSendReceipt }),
    ...ERROR_ANSWERS.map(([status, description]) =>
      ApiResponse({
        status,
        description,
        type: RtcErrorAnswer,
        ...(status === 429 && {
          headers: {
            'Retry-After': {
              description: 'When it is worth trying again, in seconds.',
              schema: { type: 'integer', minimum: 1 },
            },
          },
        }),
      }),
    ),
    ApiResponse({ status: 413, description: "The body is larger than the app's limit." }),
    ...(guards.length === 0
      ? []
      : [ApiResponse({ status: 403, description: 'A guard refused; guards may have other answers too.' })]),
  ];
  for (const decorate of decorators) decorate(prototype, 'send', method);
}
