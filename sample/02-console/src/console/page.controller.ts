import { Controller, Get, NotFoundException, Param, Req, Res, UseGuards } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { type PageFile, readPageFiles } from './page-files.js';
import { SameOriginGuard } from './origin/same-origin.guard.js';

/** What is used of Express's response and Fastify's reply alike. */
interface Reply {
  header(name: string, value: string): Reply;
  send(body: Buffer): unknown;
}

/** The console's page. It holds no secret: whoever opens it must know the key to do anything. */
@Controller()
@UseGuards(SameOriginGuard)
export class PageController {
  readonly #files = readPageFiles();

  @Get()
  index(@Req() request: IncomingMessage, @Res() reply: Reply): void {
    this.#send('index.html', request, reply);
  }

  @Get('console/page/:name')
  file(@Param('name') name: string, @Req() request: IncomingMessage, @Res() reply: Reply): void {
    this.#send(name, request, reply);
  }

  @Get('console/page/:folder/:name')
  fileInFolder(
    @Param('folder') folder: string,
    @Param('name') name: string,
    @Req() request: IncomingMessage,
    @Res() reply: Reply,
  ): void {
    this.#send(`${folder}/${name}`, request, reply);
  }

  #send(path: string, request: IncomingMessage, reply: Reply): void {
    const file = this.#files.get(path);
    if (file === undefined) throw new NotFoundException();
    for (const [name, value] of Object.entries(headersOf(file, request))) {
      reply.header(name, value);
    }
    reply.send(file.body);
  }
}

function headersOf({ type }: PageFile, { headers }: IncomingMessage): Record<string, string> {
  // The guard has checked it; parsed, since a policy must hold nothing else of what a header may.
  const { host } = new URL(`http://${headers.host}`);
  return {
    'Content-Type': type,
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      // Older browsers don't count WebSockets to 'self'.
      `connect-src 'self' ws://${host} wss://${host}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      // No text can become markup, whatever the page's scripts do with it.
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
  };
}
