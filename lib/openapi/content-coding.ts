import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { RESPONSE_TOO_LARGE, TransportError } from './http-attempt.js';

const unzip = promisify(zlib.unzip);
const unbrotli = promisify(zlib.brotliDecompress);

/**
 * Decodes a response's content coding, which a gateway may apply unasked.
 * @param coding the `Content-Encoding`: a name of RFC 9110, 8.4.1. Several codings, one over another, are not decoded.
 * @param maxOutputLength limit of the decoded body, in bytes, so that a small body can't fill the memory
 * @returns undefined if it can't be decoded. Rejects with a TransportError if it is too long.
 */
export async function decodeContent(
  body: Buffer,
  coding: string,
  maxOutputLength: number,
): Promise<Buffer | undefined> {
  const name = coding.trim().toLowerCase();
  try {
    if (name === '' || name === 'identity') return body;
    if (name === 'br') return await unbrotli(body, { maxOutputLength });
    return /^(x-)?gzip$|^deflate$/.test(name) ? await unzip(body, { maxOutputLength }) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new TransportError(RESPONSE_TOO_LARGE);
    return undefined;
  }
}
