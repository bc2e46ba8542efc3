import { promisify } from 'node:util';
import zlib from 'node:zlib';

type Decode = (body: Buffer, options: zlib.ZlibOptions & zlib.BrotliOptions) => Promise<Buffer>;

const gunzip: Decode = promisify(zlib.gunzip);
const inflate: Decode = promisify(zlib.inflate);
const inflateRaw: Decode = promisify(zlib.inflateRaw);

/** Decoders by the names of RFC 9110, 8.4.1. */
const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['identity', (body) => Promise.resolve(body)],
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['br', promisify(zlib.brotliDecompress) as Decode],
  // Some servers leave out the zlib header. With it, the lower half of the first byte is 8.
  ['deflate', (body, options) => (((body[0] ?? 0) & 0x0f) === 8 ? inflate : inflateRaw)(body, options)],
]);

/** Several codings are allowed, though never seen. */
const MAX_CODINGS = 3;

/** The decoded body would exceed the limit. */
export class ContentTooLongError extends Error {}

/**
 * Decodes a response's content codings, which a gateway may apply unasked.
 * @param coding the `Content-Encoding`
 * @param maxLength limit of the decoded body, in bytes, so that a small body can't fill the memory
 * @returns undefined if it can't be decoded. Rejects with a ContentTooLongError.
 */
export async function decodeContent(
  body: Buffer,
  coding: string,
  maxLength: number,
): Promise<Buffer | undefined> {
  const codings = coding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (codings.length > MAX_CODINGS) return undefined;
  let decoded = body;
  for (const name of codings.reverse()) {
    const decode = DECODERS.get(name);
    if (decode === undefined) return undefined;
    try {
      decoded = await decode(decoded, { maxOutputLength: maxLength });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new ContentTooLongError();
      return undefined;
    }
  }
  return decoded;
}
