import { isUint8Array } from 'node:util/types';
import { typeName, unless } from '../options/rules.js';

/**
 * The remote API's rules for fields, as plain functions. Each returns what is wrong with a value, or undefined.
 * Source: Volcengine documentation 6348/1164064 (BatchSendRoomUnicast), 6348/142118 (limits), 6348/70426 (error codes).
 */

/** Recipients of one request. */
export const MAX_RECIPIENTS = 600;

const ID_CHARACTERS = 'a-zA-Z0-9@._-';
export const MAX_ID_LENGTH = 128;
const ILLEGAL = new RegExp(`[^${ID_CHARACTERS}]`);
const ID_RULE = `IDs are 1–${MAX_ID_LENGTH} of a-z A-Z 0-9 @ . _ -`;

/** The rule for IDs as a pattern, for JSON schemas. */
export const ID = new RegExp(`^[${ID_CHARACTERS}]{1,${MAX_ID_LENGTH}}$`);

/** The problem with a text that can't be sent. */
export const NOT_WELL_FORMED = 'holds half of a surrogate pair, which has no UTF-8 form';

export function isId(value: unknown): value is string {
  // Searching for an illegal character takes half the time of the pattern. A request may have 600 IDs of 128
  // characters.
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH && !ILLEGAL.test(value);
}

/** For room IDs and user IDs alike. */
export function idProblem(value: unknown): string | undefined {
  if (isId(value)) return undefined;
  if (typeof value !== 'string') return `${describeType(value)}; ${ID_RULE}`;
  if (value === '') return `is empty; ${ID_RULE}`;
  const illegal = value.match(/[^a-zA-Z0-9@._-]/u)?.[0];
  return illegal === undefined
    ? `is ${value.length} characters long; ${ID_RULE}`
    : `${quote(value)} contains ${describeCharacter(illegal)}; ${ID_RULE}`;
}

/** {@link idProblem} as a rule of options. */
export const id = unless<string>(idProblem);

/**
 * @param binary whether a string is base64
 * @param maxBytes UTF-8 bytes of text, decoded bytes of binary
 */
export function messageProblem(value: unknown, binary: unknown, maxBytes: number): string | undefined {
  if (isUint8Array(value)) {
    if (binary === false) return 'is bytes, but binary is false';
    return sizeProblem(value.byteLength, 'bytes', maxBytes);
  }
  if (typeof value !== 'string') return `${describeType(value)}; expected a string or a Uint8Array`;
  if (binary === true) {
    const bytes = base64ByteLength(value);
    return bytes === undefined
      ? 'is not well-formed base64 (A-Z a-z 0-9 + /, padded with = to a multiple of 4)'
      : sizeProblem(bytes, 'bytes when decoded', maxBytes);
  }
  if (!value.isWellFormed()) return NOT_WELL_FORMED;
  return sizeProblem(Buffer.byteLength(value, 'utf8'), 'bytes of UTF-8', maxBytes);
}

/** How many bytes well-formed, padded base64 stands for; undefined when it is not that. */
export function base64ByteLength(text: string): number | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

function sizeProblem(bytes: number, unit: string, maxBytes: number): string | undefined {
  if (bytes === 0) return 'is empty';
  if (bytes <= maxBytes) return undefined;
  return `is ${bytes} ${unit}; a message takes at most ${maxBytes} (${maxBytes / 1_024} KB)`;
}

/** What a value of the wrong type is. */
export function describeType(value: unknown): string {
  return value === undefined ? 'is missing' : `is ${typeName(value)}`;
}

function describeCharacter(character: string): string {
  if (character === ' ') return 'a space';
  const codePoint = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character) ? `${character} (U+${codePoint})` : `U+${codePoint}`;
}

/** An invalid ID may be any text. It is shortened and escaped, so that it can't forge a line of a log. */
function quote(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value).replaceAll(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
