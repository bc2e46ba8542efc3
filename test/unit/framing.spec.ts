import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFile } from 'node:fs/promises';
import { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';
import type { RtcActionName } from '../../lib/openapi/rtc-action.js';
import { framePrefix, readReceipts, unframe, writeReceipts } from '../../lib/receiver/frame.js';
import { frameMessage } from '../../lib/services/frame-message.js';
import { anyCharacter, runs } from '../support/properties.js';

const PREFIX = /^\[rtc1[ro]:[\w-]{24}[\da-f]{8}\]$/;

const anyText = fc.string({ unit: anyCharacter, minLength: 1, maxLength: 300 });
const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 300 });

/** As a client's SDK hands it on. */
const frameText = (message: string, receipt = true): string =>
  frameMessage('SendRoomUnicast', { message }, receipt).message as string;
const frameBytes = (message: Uint8Array): Uint8Array =>
  frameMessage('SendRoomUnicast', { message }, true).message as Uint8Array;

describe('the prefix for receivers', () => {
  it('has 40 bytes of ASCII, and comes off any text and any bytes', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, anyBytes), fc.boolean(), (message, receipt) => {
        const framed = frameMessage('SendRoomUnicast', { message }, receipt);
        const prefix =
          typeof framed.message === 'string'
            ? framed.message.slice(0, 40)
            : Buffer.from(framed.message.subarray(0, 40)).toString('latin1');
        expect(prefix).toMatch(PREFIX);
        expect(prefix.slice(7, 39)).toBe(framed.messageId);
        const unframed = unframe(framed.message);
        expect(unframed).toMatchObject({ messageId: framed.messageId, isReceiptWanted: receipt });
        if (typeof message === 'string') expect(unframed?.message).toBe(message);
        else expect(Buffer.from(unframed?.message as Uint8Array).equals(message)).toBe(true);
      }),
      { numRuns: runs(300) },
    );
  });

  it('comes off base64 that the app had encoded, of any length', () => {
    for (let length = 1; length < 10; length++) {
      const bytes = Buffer.from('0123456789'.slice(0, length));
      const message = bytes.toString('base64');
      const framed = frameMessage('SendRoomUnicast', { message, binary: true }, true);
      expect(framed.binary).toBe(true);
      expect(unframe(framed.message)?.message).toEqual(bytes);
    }
  });

  it('comes off each type in which an SDK hands on bytes, and leaves the type', () => {
    const framed = frameBytes(Uint8Array.of(1, 2, 3));
    const buffer = Uint8Array.from(framed).buffer;
    const offset = new Uint8Array(200);
    offset.set(framed, 17);
    for (const [given, type] of [
      [Buffer.from(framed), Buffer],
      [Uint8Array.from(framed), Uint8Array],
      [offset.subarray(17, 60), Uint8Array],
    ] as const) {
      const message = unframe(given)?.message;
      expect(message).toBeInstanceOf(type);
      expect([...(message as Uint8Array)]).toEqual([1, 2, 3]);
    }
    const message = unframe(buffer)?.message as ArrayBuffer;
    expect(Object.prototype.toString.call(message)).toBe('[object ArrayBuffer]');
    expect([...new Uint8Array(message)]).toEqual([1, 2, 3]);
  });

  it('is not seen where one character of the prefix, or of the message is another', () => {
    const framed = frameText('Class starts. 上课了。');
    for (let index = 0; index < framed.length; index++) {
      const altered = `${framed.slice(0, index)}${framed[index] === 'x' ? 'y' : 'x'}${framed.slice(index + 1)}`;
      expect([index, unframe(altered)]).toEqual([index, undefined]);
    }
    for (let length = 0; length < framed.length; length++)
      expect([length, unframe(framed.slice(0, length))]).toEqual([length, undefined]);
    expect(unframe(`${framed} `)).toBeUndefined();
    expect(unframe(framed)?.message).toBe('Class starts. 上课了。');
  });

  it('is not seen in foreign messages of any kind', () => {
    const lookalike = `[rtc1r:${'A'.repeat(24)}01234567]hello`;
    const strange = [lookalike, `${lookalike}\ud800`, '', undefined, null, 7, {}, [], () => 0, new Map()];
    const views = [new DataView(new ArrayBuffer(60)), new Uint16Array(60), new ArrayBuffer(0)];
    for (const message of [...strange, ...views]) expect(unframe(message as string)).toBeUndefined();
    fc.assert(
      fc.property(fc.oneof(anyText, anyBytes, fc.anything()), (message) => {
        expect(unframe(message as string)).toBeUndefined();
      }),
    );
  });

  it('of another kind is another one: a message to be shown once can not be made one to be confirmed', () => {
    const framed = frameText('hello', false);
    expect(unframe(framed)?.isReceiptWanted).toBe(false);
    expect(unframe(framed.replace('[rtc1o:', '[rtc1r:'))).toBeUndefined();
  });

  it.each<[RtcActionName, number]>([
    ['BatchSendRoomUnicast', 20_480],
    ['SendRoomUnicast', 65_536],
    ['SendBroadcast', 65_536],
    ['SendUnicast', 65_536],
  ])('counts toward the size of %s, for text, bytes and base64', (action, most) => {
    const fits = most - 40;
    const cases = [
      [{ message: 'x'.repeat(fits) }, { message: 'x'.repeat(fits + 1) }],
      // Three bytes a character.
      [
        { message: `${'上'.repeat(Math.floor(fits / 3))}${'x'.repeat(fits % 3)}` },
        { message: '上'.repeat(Math.floor(fits / 3) + 1) },
      ],
      [{ message: new Uint8Array(fits) }, { message: new Uint8Array(fits + 1) }],
      [
        { message: Buffer.alloc(fits).toString('base64'), binary: true },
        { message: Buffer.alloc(fits + 1).toString('base64'), binary: true },
      ],
    ] as const;
    for (const [small, large] of cases) {
      const { message } = frameMessage(action, small, true);
      expect(Buffer.byteLength(message)).toBe(most);
      expect(unframe(message)).toBeDefined();
      expect(() => frameMessage(action, large, true)).toThrow(RtcValidationError);
      expect(() => frameMessage(action, large, true)).toThrow(
        /^message: is \d+ bytes.*; a message takes at most \d+ \(\d+ KB\), the 40 of the prefix for receivers included$/,
      );
    }
  });
});

it('the page on the prefix shows it as it is, for those who port it', async () => {
  const page = await readFile('docs/receipt-prefix.md', 'utf8');
  const { message } = frameMessage('SendRoomUnicast', { message: 'hello' }, true, 'A'.repeat(24));
  expect(page).toContain(`\n${String(message)}\n`);
  expect(unframe(message)?.message).toBe('hello');
});

describe('the checksum of the prefix', () => {
  it('is FNV-1a with 32 bits, of ASCII text as of its bytes', () => {
    // As published: of an empty text, and of one more byte.
    let hash = 0x811c9dc5n;
    const random = 'A'.repeat(24);
    for (const byte of Buffer.from(`[rtc1r:${random}foobar`))
      hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n;
    const prefix = `[rtc1r:${random}${hash.toString(16).padStart(8, '0')}]`;
    for (const message of ['foobar', Buffer.from('foobar')])
      expect(framePrefix(true, random, message)).toBe(prefix);
  });

  it('takes a client little time for the largest message', () => {
    const { message } = frameMessage('SendRoomUnicast', { message: '上'.repeat(21_000) }, true);
    const times = Array.from({ length: 20 }, () => {
      const began = performance.now();
      expect(unframe(message)).toBeDefined();
      return performance.now() - began;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });
});

describe('the text of receipts', () => {
  it('holds a thousand in half of what a client may send, and reads as it was written', () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => String(index).padStart(32, '0'));
    const text = writeReceipts(ids);
    expect(text.length).toBeLessThan(32_768);
    expect(readReceipts(text)).toEqual(ids);
  });

  it('is told from all that is not quite one', () => {
    const text = writeReceipts(['A'.repeat(24) + '0'.repeat(8)]);
    expect(readReceipts(text)).toHaveLength(1);
    const tooMany = writeReceipts(Array<string>(1_001).fill('0'.repeat(32)));
    const others = [
      tooMany,
      text.slice(1),
      text.slice(0, -1),
      `${text} `,
      ` ${text}`,
      `${text}\n`,
      '[rtc1c:]',
      '',
    ];
    others.push(
      text.replace('0', ''),
      text.replace('0', ' '),
      text.replace('A', '+'),
      text.replace('c', 'r'),
    );
    for (const other of others) expect([other, readReceipts(other)]).toEqual([other, undefined]);
  });
});
