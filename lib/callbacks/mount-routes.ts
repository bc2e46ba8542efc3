import type { ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { MaybeParsed } from './read-body.js';

type Serve = (request: MaybeParsed, response: ServerResponse) => void;
/** By path. All are POST. */
type Routes = ReadonlyMap<string, Serve>;

/** What is used of Express. */
interface ExpressApp {
  post(path: string, serve: Serve): unknown;
}

/** What is used of Fastify. */
interface FastifyApp {
  use?: unknown;
  register(plugin: (scope: FastifyApp, options: unknown, done: () => void) => void): PromiseLike<unknown>;
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void,
  ): unknown;
  post(path: string, handler: () => Promise<void>): unknown;
}

interface FastifyRequest {
  readonly raw: MaybeParsed;
  readonly routeOptions: { readonly url?: string };
}

interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): void;
}

/**
 * Adds routes to the app's HTTP server, before the app's middleware, and with none of the app's settings. The server of
 * an app in a test is made after its modules; an app without HTTP gets no routes.
 * @throws RtcConfigError on other platforms than Express and Fastify
 */
export async function mountRoutes(host: HttpAdapterHost, routes: Routes): Promise<void> {
  // Fastify loads the plugin now, before the app can add middleware, which plugins inherit.
  if (isThere(host.httpAdapter)) await mountOn(host.httpAdapter, routes);
  else {
    host.init$.subscribe(() => {
      // Fastify loads it with the app's own plugins. To wait here would disturb those.
      if (isThere(host.httpAdapter)) void mountOn(host.httpAdapter, routes);
    });
  }
}

type HttpAdapter = HttpAdapterHost['httpAdapter'];

function isThere(adapter: HttpAdapter | null | undefined): boolean {
  return adapter !== null && adapter !== undefined;
}

function mountOn(adapter: HttpAdapter, routes: Routes): PromiseLike<unknown> | undefined {
  const platform: string = adapter.getType();
  if (platform === 'fastify') {
    return adapter.getInstance<FastifyApp>().register((scope, _options, done) => {
      mountOnFastify(scope, routes);
      done();
    });
  }
  if (platform !== 'express') {
    const message = `can't add routes to an app on ${platform || 'this platform'}; there are Express and Fastify`;
    throw new RtcConfigError([{ option: 'RtcCallbackModule.forRoot()', message }]);
  }
  const app = adapter.getInstance<ExpressApp>();
  for (const [path, serve] of routes) app.post(path, serve);
  return undefined;
}

/** @param scope a plugin of its own */
function mountOnFastify(scope: FastifyApp, routes: Routes): void {
  // Nest adds the app's middleware to every plugin by this method.
  scope.use = () => scope;
  // Before Fastify looks at the content type, which the service does not send.
  scope.addHook('onRequest', (request, reply, done) => {
    const serve = routes.get(request.routeOptions.url ?? '');
    if (serve === undefined) {
      done();
      return;
    }
    // Hooks that would come after this one are not run.
    reply.hijack();
    serve(request.raw, reply.raw);
  });
  for (const path of routes.keys()) scope.post(path, async () => undefined);
}
