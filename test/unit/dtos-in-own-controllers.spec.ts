import { describe, expect, it } from '@jest/globals';
import { BadRequestException, type Type, ValidationPipe, type ValidationPipeOptions } from '@nestjs/common';
import * as mappedTypes from '@nestjs/mapped-types';
import * as swagger from '@nestjs/swagger';
import { Expose, plainToInstance, Transform, Type as TypeOf } from 'class-transformer';
import { IsBoolean, IsOptional, IsString, ValidateNested } from 'class-validator';
import {
  BatchSendRoomUnicastDto,
  RoomBroadcastDto,
  SendRoomUnicastDto,
  UserUnicastDto,
  WithFrom,
} from '../../lib/index.js';

const CONVERTING: ValidationPipeOptions = {
  transform: true,
  transformOptions: { enableImplicitConversion: true },
};
/** The pipes that an app may have. */
const PIPES: readonly (readonly [string, ValidationPipeOptions])[] = [
  ['no options', {}],
  ['transform', { transform: true }],
  ['implicit conversion', CONVERTING],
  ['implicit conversion and whitelist', { ...CONVERTING, whitelist: true }],
  [
    'implicit conversion and forbidNonWhitelisted',
    { ...CONVERTING, whitelist: true, forbidNonWhitelisted: true },
  ],
  [
    'implicit conversion, whose result is made plain again',
    { whitelist: true, transformOptions: { enableImplicitConversion: true } },
  ],
  [
    'groups',
    {
      groups: ['create'],
      transform: true,
      transformOptions: { ...CONVERTING.transformOptions, groups: ['x'] },
    },
  ],
];

const LEGAL = { roomId: 'room-1', to: ['alice'], message: 'Next' };
const TO_ONE = { ...LEGAL, to: 'alice' };

const receive = async (
  options: ValidationPipeOptions,
  metatype: Type<unknown>,
  body: unknown,
): Promise<unknown> => new ValidationPipe(options).transform(body, { type: 'body', metatype });

/** The messages of a 400; a body that is taken has none. */
async function refusals(...args: Parameters<typeof receive>): Promise<string[]> {
  try {
    await receive(...args);
    return [];
  } catch (error) {
    if (!(error instanceof BadRequestException)) throw error;
    return (error.getResponse() as { message: string[] }).message;
  }
}

const NO_SENDER = 'from: may not be chosen by the caller';
const startingWith = (text: string): unknown =>
  expect.stringMatching(new RegExp(`^${text.replaceAll(/[[\]]/g, '\\$&')}`));

/** Not convertible to a string: String() of it throws. */
const UNPRINTABLE = { toString: null, valueOf: null };

/** Each: what is sent, and the field that is wrong. */
const WRONG: readonly (readonly [string, Type<unknown>, object, string])[] = [
  ['"false" for binary', BatchSendRoomUnicastDto, { ...LEGAL, binary: 'false' }, 'binary'],
  ['"true" for binary', RoomBroadcastDto, { roomId: 'r', message: 'Next', binary: 'true' }, 'binary'],
  ['"" for binary', UserUnicastDto, { to: 'alice', message: 'Next', binary: '' }, 'binary'],
  ['0 for binary', SendRoomUnicastDto, { ...TO_ONE, binary: 0 }, 'binary'],
  ['1 for binary', SendRoomUnicastDto, { ...TO_ONE, binary: 1 }, 'binary'],
  ['an array for binary', BatchSendRoomUnicastDto, { ...LEGAL, binary: [] }, 'binary'],
  ['null for binary', BatchSendRoomUnicastDto, { ...LEGAL, binary: null }, 'binary'],
  ['a number for a room', BatchSendRoomUnicastDto, { ...LEGAL, roomId: 7 }, 'roomId'],
  ['true for a room', RoomBroadcastDto, { roomId: true, message: 'Next' }, 'roomId'],
  ['a list for a room', SendRoomUnicastDto, { ...TO_ONE, roomId: ['room-1'] }, 'roomId'],
  ['an object for a room', SendRoomUnicastDto, { ...TO_ONE, roomId: UNPRINTABLE }, 'roomId'],
  ['a number for a user', UserUnicastDto, { to: 7, message: 'Next' }, 'to'],
  ['a list for a user', SendRoomUnicastDto, { ...TO_ONE, to: ['alice'] }, 'to'],
  ['an object for a user', UserUnicastDto, { to: UNPRINTABLE, message: 'Next' }, 'to'],
  ['a user for a list', BatchSendRoomUnicastDto, { ...LEGAL, to: 'alice' }, 'to'],
  ['an object for a list', BatchSendRoomUnicastDto, { ...LEGAL, to: { 0: 'alice', length: 1 } }, 'to'],
  ['a number in a list', BatchSendRoomUnicastDto, { ...LEGAL, to: ['alice', 7] }, 'to[1]'],
  ['null in a list', BatchSendRoomUnicastDto, { ...LEGAL, to: [null] }, 'to[0]'],
  ['a list in a list', BatchSendRoomUnicastDto, { ...LEGAL, to: [['alice']] }, 'to[0]'],
  ['a number for a message', BatchSendRoomUnicastDto, { ...LEGAL, message: 7 }, 'message'],
  ['true for a message', RoomBroadcastDto, { roomId: 'r', message: true }, 'message'],
  ['a list for a message', UserUnicastDto, { to: 'alice', message: [78] }, 'message'],
  [
    'a Buffer as JSON shows it for a message',
    BatchSendRoomUnicastDto,
    { ...LEGAL, message: { type: 'Buffer', data: [78] } },
    'message',
  ],
  ['a number for a sender', WithFrom(BatchSendRoomUnicastDto), { ...LEGAL, from: 7 }, 'from'],
  [
    'null for a sender',
    class Own extends WithFrom(RoomBroadcastDto) {},
    { roomId: 'r', message: 'm', from: null },
    'from',
  ],
  [
    'an object for a sender',
    WithFrom(UserUnicastDto),
    { to: 'alice', message: 'Next', from: UNPRINTABLE },
    'from',
  ],
];

class Speaking extends WithFrom(BatchSendRoomUnicastDto) {}
class Picking extends mappedTypes.PickType(Speaking, ['message', 'from']) {}
class SpeakingByRule extends BatchSendRoomUnicastDto {
  @IsOptional({ always: true })
  @IsString({ always: true })
  from?: string;
}

class Reason {
  @IsString()
  reason!: string;
}

/** What an app may derive from a DTO; all have its fields. */
const DERIVED = [
  ['@nestjs/mapped-types', mappedTypes] as const,
  ['@nestjs/swagger', swagger] as const,
].flatMap(
  ([name, { IntersectionType, OmitType, PartialType, PickType }]): [string, string, Type<unknown>][] => [
    ['PickType()', name, PickType(BatchSendRoomUnicastDto, ['roomId', 'to', 'message', 'binary'])],
    ['OmitType()', name, OmitType(BatchSendRoomUnicastDto, [])],
    ['PartialType()', name, PartialType(BatchSendRoomUnicastDto)],
    ['PartialType() without null', name, PartialType(BatchSendRoomUnicastDto, { skipNullProperties: false })],
    ['IntersectionType()', name, IntersectionType(BatchSendRoomUnicastDto, PartialType(Reason))],
    ['OmitType() of WithFrom()', name, OmitType(WithFrom(BatchSendRoomUnicastDto), ['from'])],
  ],
);

/** Repeats fields, with metadata and rules of its own: class-validator's custom rules replace those that it inherits. */
class Repeating extends BatchSendRoomUnicastDto {
  @IsString()
  override roomId!: string;

  @IsBoolean()
  override binary?: boolean;
}

class Announcement {
  @ValidateNested()
  @TypeOf(() => BatchSendRoomUnicastDto)
  first!: BatchSendRoomUnicastDto;

  @ValidateNested({ each: true })
  @TypeOf(() => Repeating)
  others!: Repeating[];
}

describe.each(PIPES)("a DTO in an app's controller, behind a pipe with %s", (_name, options) => {
  const strips = options.whitelist === true && options.forbidNonWhitelisted !== true;

  it.each(WRONG)('refuses %s', async (_what, metatype, body, path) => {
    expect(await refusals(options, metatype, body)).toEqual([startingWith(`${path}: `)]);
  });

  it.each([
    ['text', BatchSendRoomUnicastDto, LEGAL],
    ['base64', BatchSendRoomUnicastDto, { ...LEGAL, message: 'TmV4dA==', binary: true }],
    ['text for a user in a room', SendRoomUnicastDto, { ...TO_ONE, binary: false }],
    ['a broadcast', RoomBroadcastDto, { roomId: 'room-1', message: '7' }],
    ['text for a user', UserUnicastDto, { to: '7', message: 'true' }],
    ['a sender where one may be named', WithFrom(BatchSendRoomUnicastDto), { ...LEGAL, from: 'teacher' }],
    ['a sender in a class of the app', Speaking, { ...LEGAL, from: 'teacher' }],
    ['a sender in a DTO that has it picked', Picking, { message: 'Next', from: 'teacher' }],
    ['a sender by a rule of the app', SpeakingByRule, { ...LEGAL, from: 'the teacher' }],
  ])('accepts %s as it is', async (_what, metatype, body) => {
    expect({ ...((await receive(options, metatype, structuredClone(body))) as object) }).toEqual(body);
  });

  it.each(['teacher', '', null, 7, {}])(
    'refuses the sender %j unless WithFrom() asks for one',
    async (from) => {
      const bodies: readonly (readonly [Type<unknown>, object])[] = [
        [BatchSendRoomUnicastDto, LEGAL],
        [SendRoomUnicastDto, TO_ONE],
        [RoomBroadcastDto, { roomId: 'room-1', message: 'Next' }],
        [UserUnicastDto, { to: 'alice', message: 'Next' }],
        [swagger.OmitType(BatchSendRoomUnicastDto, ['roomId']), { to: ['alice'], message: 'Next' }],
      ];
      for (const [metatype, body] of bodies)
        expect(await refusals(options, metatype, { ...body, from })).toEqual([NO_SENDER]);
    },
  );

  it('refuses or drops the sender where only some fields are picked', async () => {
    const { PickType } = mappedTypes;
    for (const field of ['roomId', 'to', 'message'] as const) {
      const metatype = PickType(BatchSendRoomUnicastDto, [field]);
      const body = { [field]: LEGAL[field], from: 'teacher' };
      if (strips) expect(await receive(options, metatype, body)).not.toHaveProperty('from');
      else expect(await refusals(options, metatype, body)).toContainEqual(expect.stringContaining('from'));
    }
  });

  it.each(DERIVED)('refuses a wrong type also in what %s of %s makes of it', async (_h, _o, metatype) => {
    for (const [wrong, message] of [
      [{ binary: 'false' }, 'binary: must be true or false'],
      [{ roomId: 7 }, 'roomId: is a number'],
      [{ roomId: UNPRINTABLE }, 'roomId: is an object'],
      [{ message: 7 }, 'message: is a number'],
      [{ to: 'alice' }, 'to: must be a list'],
      [{ to: ['alice', 7] }, 'to[1]: is a number'],
    ] as const)
      expect(await refusals(options, metatype, { ...LEGAL, ...wrong })).toEqual([startingWith(message)]);
    expect(await refusals(options, metatype, LEGAL)).toEqual([]);
  });

  it('refuses a wrong type also in a field that a subclass repeats', async () => {
    const good = { ...LEGAL, binary: false };
    expect(await refusals(options, Repeating, good)).toEqual([]);
    // Nest's groups leave out a rule that names none.
    if (options.groups !== undefined) return;
    expect(await refusals(options, Repeating, { ...good, roomId: 7 })).toEqual(['roomId must be a string']);
    expect(await refusals(options, Repeating, { ...good, binary: 'false' })).toEqual([
      'binary must be a boolean value',
    ]);
  });

  it("refuses a wrong type also within an app's own DTO", async () => {
    // As above.
    if (options.groups !== undefined) return;
    const good = { first: LEGAL, others: [{ ...LEGAL, binary: false }] };
    expect(await refusals(options, Announcement, good)).toEqual([]);
    expect(await refusals(options, Announcement, { ...good, first: { ...LEGAL, binary: 'false' } })).toEqual([
      'first.binary: must be true or false',
    ]);
    expect(
      await refusals(options, Announcement, {
        ...good,
        others: [{ ...LEGAL, binary: false, from: 'teacher' }],
      }),
    ).toEqual([`others.0.${NO_SENDER}`]);
  });
});

describe('a DTO that is made of an object', () => {
  it.each([{}, { enableImplicitConversion: true }])('keeps its bytes (%j)', (options) => {
    for (const message of [new Uint8Array([1, 2, 3]), Buffer.from('abc')]) {
      const { message: kept } = plainToInstance(BatchSendRoomUnicastDto, { ...LEGAL, message }, options);
      expect(kept).toBe(message);
    }
  });

  it("leaves room for a subclass's own names and transformations", () => {
    class Renamed extends BatchSendRoomUnicastDto {
      @Expose({ name: 'room' })
      override roomId!: string;

      @Transform(({ value }) => (typeof value === 'string' ? value.trim() : value) as unknown)
      override message!: string;
    }
    const { roomId, message } = plainToInstance(
      Renamed,
      { room: 'room-1', to: ['alice'], message: ' Next ' },
      { enableImplicitConversion: true },
    );
    expect([roomId, message]).toEqual(['room-1', 'Next']);
  });
});
