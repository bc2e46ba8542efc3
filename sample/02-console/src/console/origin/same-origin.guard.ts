import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { IncomingMessage } from 'node:http';
import { isSameOrigin } from './same-origin.js';

/** Refuses what a page of another site makes its visitor's browser send here. */
@Injectable()
export class SameOriginGuard implements CanActivate {
  readonly #ownNames: readonly string[];

  constructor(config: ConfigService) {
    this.#ownNames = (config.get<string>('CONSOLE_HOSTS') ?? '')
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== '');
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.allows(context.switchToHttp().getRequest<IncomingMessage>())) return true;
    throw new ForbiddenException('This host name or origin is not one of the console; see CONSOLE_HOSTS');
  }

  allows(request: IncomingMessage): boolean {
    return isSameOrigin(request.headers, this.#ownNames);
  }
}
