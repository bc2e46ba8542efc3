import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Post } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiProperty,
  DocumentBuilder,
  OmitType,
  type OpenAPIObject,
  PartialType,
  PickType,
  SwaggerModule,
} from '@nestjs/swagger';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { Validator } from '@seriousme/openapi-schema-validator';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  BatchSendRoomUnicastDto,
  type RtcActionName,
  type RtcControllerOptions,
  RtcMessagingModule,
  RoomBroadcastDto,
  SendRoomUnicastDto,
  UserUnicastDto,
  WithFrom,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { exec } from '../support/exec.js';
import { PLATFORMS } from '../support/platforms.js';
import { startApp, type TestApp } from '../support/test-app.js';

const ROOT = resolve(import.meta.dirname, '../..');
const GENERATED = join(ROOT, 'test/e2e/generated-client');
const ACTIONS: readonly RtcActionName[] = [
  'BatchSendRoomUnicast',
  'SendRoomUnicast',
  'SendBroadcast',
  'SendUnicast',
];

class WithReason extends BatchSendRoomUnicastDto {
  @ApiProperty()
  reason!: string;
}
class Speaking extends WithFrom(BatchSendRoomUnicastDto) {}
class SpeakingShortly extends PickType(WithFrom(BatchSendRoomUnicastDto), ['from', 'message']) {}
class Picked extends PickType(BatchSendRoomUnicastDto, ['to', 'message']) {}
class Omitted extends OmitType(BatchSendRoomUnicastDto, ['binary']) {}
class Partial extends PartialType(BatchSendRoomUnicastDto) {}

/** An app's own controller that takes the DTOs. */
@Controller('own')
class OwnController {
  @Post('batch')
  batch(@Body() dto: BatchSendRoomUnicastDto): unknown {
    return dto;
  }

  @Post('one')
  one(@Body() dto: SendRoomUnicastDto): unknown {
    return dto;
  }

  @Post('all')
  all(@Body() dto: RoomBroadcastDto): unknown {
    return dto;
  }

  @Post('derived')
  @ApiExtraModels(Picked, Omitted, Partial, Speaking, SpeakingShortly)
  derived(@Body() dto: WithReason): unknown {
    return dto;
  }

  @Post('user')
  user(@Body() dto: UserUnicastDto): unknown {
    return dto;
  }
}

const describeApp = (running: TestApp): OpenAPIObject =>
  SwaggerModule.createDocument(running.app, new DocumentBuilder().setTitle('app').setVersion('1').build());

describe.each(PLATFORMS)('the API documentation on $name', (platform) => {
  let emulator: RtcEmulator;
  let running: TestApp;
  let document: OpenAPIObject;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    const register = (controller: RtcControllerOptions, name?: string) =>
      RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), controller, ...(name && { name }) });
    running = await startApp(platform, {
      imports: [
        register({ allowAnonymous: true, actions: ACTIONS }),
        register({ allowAnonymous: true, allowFrom: true, path: 'eu/rtc', actions: ACTIONS }, 'eu'),
        register({ guards: [{ canActivate: () => true }], path: 'guarded' }, 'guarded'),
        register({ allowAnonymous: true, path: 'tenants/:tenant/rtc' }, 'tenants'),
        ...['a/b', 'a-b', '/a_b/'].map((path) =>
          register({ allowAnonymous: true, path, actions: ['SendBroadcast'] }, path.replaceAll('/', '.')),
        ),
      ],
      controllers: [OwnController],
    });
    document = describeApp(running);
  });
  afterAll(async () => {
    await running.app.close();
    await emulator.close();
  });

  it('is valid OpenAPI, with unique operation IDs', async () => {
    const { valid, errors } = await new Validator().validate({ ...document });
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    const ids = Object.values(document.paths).map(({ post }) => post!.operationId);
    expect(ids).toContain('SendBroadcast');
    expect(ids).toContain('SendBroadcast_eu_rtc');
    expect(new Set(ids).size).toBe(4 + 4 + 1 + 1 + 3 + 5);
  });

  const bodyOf = (path: string) =>
    // oxlint-disable-next-line typescript/no-explicit-any
    (document.paths[path]!.post!.requestBody as any).content['application/json'].schema;

  it('has every limit of a request, and no sender where callers may not choose it', () => {
    const id = { type: 'string', pattern: '^[a-zA-Z0-9@._-]{1,128}$', minLength: 1, maxLength: 128 };
    expect(bodyOf('/rtc/rooms/{roomId}/unicast')).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['to', 'message'],
      properties: {
        to: { type: 'array', minItems: 1, maxItems: 600, items: id, example: ['alice', 'bob'] },
        message: { type: 'string', minLength: 1, maxLength: 27_308, example: expect.any(String) },
        binary: { type: 'boolean' },
      },
    });
    expect(Object.keys(bodyOf('/rtc/rooms/{roomId}/unicast').properties)).toEqual([
      'to',
      'message',
      'binary',
    ]);
    expect(Object.keys(bodyOf('/eu/rtc/rooms/{roomId}/broadcast').properties)).toEqual([
      'message',
      'binary',
      'from',
    ]);
    expect(bodyOf('/rtc/rooms/{roomId}/broadcast').properties.message.maxLength).toBe(87_384);
    const { parameters } = document.paths['/rtc/rooms/{roomId}/users/{to}/unicast']!.post!;
    const parameter = (name: string, example: string) =>
      expect.objectContaining({ name, in: 'path', required: true, schema: { ...id, example } });
    expect(parameters).toEqual([parameter('roomId', 'room-1'), parameter('to', 'alice')]);
  });

  it('has every answer that the controller gives', () => {
    const { responses } = document.paths['/rtc/rooms/{roomId}/unicast']!.post!;
    expect(Object.keys(responses)).toEqual(['200', '400', '429', '502', '503', '504']);
    expect(responses['429']).toHaveProperty('headers.Retry-After');
    const { schemas } = document.components!;
    expect(schemas!['RtcSendReceipt']).toMatchObject({
      required: ['outcome', 'action', 'requestId', 'attempts', 'possibleDuplicate'],
    });
    expect(schemas!['RtcErrorAnswer']).toMatchObject({
      required: ['statusCode', 'error', 'code', 'message', 'outcome'],
    });
  });

  it("documents the DTOs in an app's own controllers", () => {
    const { schemas } = document.components!;
    expect(schemas!['BatchSendRoomUnicastDto']).toMatchObject({
      required: ['roomId', 'to', 'message'],
      properties: {
        to: { type: 'array', maxItems: 600 },
        binary: { type: 'boolean' },
      },
    });
    expect(schemas!['BatchSendRoomUnicastDto']).not.toHaveProperty('properties.from');
    expect(schemas!['SendRoomUnicastDto']).toMatchObject({ required: ['roomId', 'to', 'message'] });
    expect(schemas!['RoomBroadcastDto']).toMatchObject({ required: ['roomId', 'message'] });
    expect(schemas!['UserUnicastDto']).toMatchObject({ required: ['to', 'message'] });
  });

  it('describes the real answers, whatever the status', async () => {
    const ajv = addFormats.default(new Ajv({ strict: false })).addSchema({ ...document }, 'app');
    const path = '/rtc/rooms/{roomId}/unicast';
    const seen: number[] = [];
    const check = async (body: unknown, headers: Record<string, string> = {}): Promise<void> => {
      const answer = await running.post('/rtc/rooms/room-1/unicast', body, headers);
      const pointer = ['paths', path, 'post', 'responses', String(answer.status), 'content'];
      const escaped = [...pointer, 'application/json', 'schema'].map((part) =>
        encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')),
      );
      const validate = ajv.compile({ $ref: `app#/${escaped.join('/')}` });
      expect([answer.status, validate(answer.body), validate.errors]).toEqual([answer.status, true, null]);
      seen.push(answer.status);
    };
    const message = { to: ['alice'], message: 'hello' };
    await check(message);
    await check({ to: [], message: 'hello' });
    emulator.faults.add({ kind: 'error', code: 'AccessDenied' });
    await check(message);
    emulator.faults.add({ kind: 'reset', accept: true });
    await check(message);
    expect(seen).toEqual([200, 400, 502, 504]);
  });

  it('declares the parameters of the path that the app gives, and has a different operation ID for each path', () => {
    const { post } = document.paths['/tenants/{tenant}/rtc/rooms/{roomId}/unicast']!;
    expect(post!.parameters).toEqual([
      expect.objectContaining({ name: 'tenant', in: 'path' }),
      expect.objectContaining({ name: 'roomId', in: 'path' }),
    ]);
    const ids = Object.values(document.paths).map((item) => item.post!.operationId);
    expect(ids).toEqual(
      expect.arrayContaining(['SendBroadcast_a_b', 'SendBroadcast_a-b', 'SendBroadcast_a__b']),
    );
  });

  it('has the tag by which the routes are found', () => {
    expect(document.paths['/rtc/rooms/{roomId}/unicast']!.post!.tags).toEqual(['RTC messaging']);
  });

  it('documents what an app derives from the DTOs', () => {
    const properties = (name: string): string[] => {
      const schema = document.components!.schemas![name] as { properties: object };
      return Object.keys(schema.properties).sort();
    };
    expect(properties('WithReason')).toEqual(['binary', 'message', 'reason', 'roomId', 'to']);
    expect(properties('Picked')).toEqual(['message', 'to']);
    expect(properties('Omitted')).toEqual(['message', 'roomId', 'to']);
    expect(properties('Partial')).toEqual(['binary', 'message', 'roomId', 'to']);
    expect(properties('Speaking')).toEqual(['binary', 'from', 'message', 'roomId', 'to']);
    expect(properties('SpeakingShortly')).toEqual(['from', 'message']);
    expect(document.components!.schemas!['Speaking']).toMatchObject({
      required: ['roomId', 'to', 'message'],
      properties: { from: { maxLength: 128 } },
    });
    expect(document.components!.schemas!['Partial']).not.toHaveProperty('required');
    expect(document.components!.schemas!['Picked']).toMatchObject({
      required: expect.arrayContaining(['message', 'to']),
      properties: { to: { maxItems: 600 } },
    });
  });
});

describe('a client that is generated from the API documentation', () => {
  let emulator: RtcEmulator;
  let running: TestApp;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    const controller = { allowAnonymous: true, actions: ACTIONS } as const;
    running = await startApp(PLATFORMS[0]!, {
      imports: [RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), controller })],
    });
    await mkdir(GENERATED, { recursive: true });
  });
  afterAll(async () => {
    await rm(GENERATED, { recursive: true, force: true });
    await running.app.close();
    await emulator.close();
  });

  it('compiles, and calls the running controller', async () => {
    const document = join(GENERATED, 'openapi.json');
    await writeFile(document, JSON.stringify(describeApp(running)));
    const generator = 'node_modules/openapi-typescript/bin/cli.js';
    await exec('node', [generator, document, '-o', join(GENERATED, 'api.d.ts')], { cwd: ROOT });
    await writeFile(join(GENERATED, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(GENERATED, 'client.ts'),
      `
      import createClient from 'openapi-fetch';
      import type { paths } from './api.js';

      const client = createClient<paths>({ baseUrl: process.argv[2]! });
      const batch = await client.POST('/rtc/rooms/{roomId}/unicast', {
        params: { path: { roomId: 'room-1' } },
        body: { to: ['alice', 'bob'], message: 'hello' },
      });
      const broadcast = await client.POST('/rtc/rooms/{roomId}/broadcast', {
        params: { path: { roomId: 'room-1' } },
        body: { message: 'hello' },
      });
      const wrong = await client.POST('/rtc/users/{to}/unicast', {
        params: { path: { to: 'a b' } },
        // @ts-expect-error a message is required
        body: {},
      });
      const recipients: number | undefined = batch.data?.recipients;
      const { error } = wrong;
      const issues: { path: string }[] | undefined = error && 'issues' in error ? error.issues : undefined;
      console.log(JSON.stringify([recipients, broadcast.data?.outcome, issues?.map(({ path }) => path)]));
      `,
    );
    const options =
      '--ignoreConfig --strict --target es2022 --lib es2022,dom --module nodenext --types node'.split(' ');
    await exec('node', ['node_modules/typescript/bin/tsc', ...options, join(GENERATED, 'client.ts')], {
      cwd: ROOT,
    });
    const output = await exec('node', [join(GENERATED, 'client.js'), await running.app.getUrl()], {
      cwd: ROOT,
    });
    expect(JSON.parse(output)).toEqual([2, 'accepted', ['to', 'message']]);
  });
});
