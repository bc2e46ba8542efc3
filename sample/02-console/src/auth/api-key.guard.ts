import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Lets a request pass when it carries `X-Api-Key: $SAMPLE_API_KEY`. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  readonly #expected: Buffer;

  constructor(config: ConfigService) {
    const key = config.get<string>('SAMPLE_API_KEY');
    if (!key) throw new Error('SAMPLE_API_KEY is not set; see sample/02-console/.env.example.');
    this.#expected = digest(key);
  }

  canActivate(context: ExecutionContext): boolean {
    const given = context.switchToHttp().getRequest<IncomingMessage>().headers['x-api-key'];
    if (typeof given === 'string' && this.knows(given)) return true;
    throw new UnauthorizedException('X-Api-Key is missing or wrong');
  }

  /** For a key that came in another way than in a header. */
  knows(key: string): boolean {
    // Digests have one length, so the comparison takes the same time whatever was given.
    return timingSafeEqual(digest(key), this.#expected);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
