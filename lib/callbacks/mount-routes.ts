import type { ServerResponse } from 'node:http';
import type { AbstractHttpAdapter, HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { CallbackRequest } from './callback-request.js';

/** Answers a request. It never rejects. */
export type Serve = (request: CallbackRequest, response: ServerResponse) => Promise<void>;
/** By path. All are POST. */
type Routes = ReadonlyMap<string, Serve>;

/**
 * Adds routes to the app's HTTP server, before the app's middleware, and with none of the app's settings. The server of
 * an app in a test is made after its modules; an app without HTTP gets no routes.
 */
export async function mountRoutes(host: HttpAdapterHost, routes: Routes): Promise<void> {
  // Fastify loads the plugin now, before the app can add middleware, which plugins inherit.
  if (host.httpAdapter) await mountOn(host.httpAdapter, routes);
  // Fastify loads it with the app's own plugins. To wait here would disturb those.
  else host.init$.subscribe(() => host.httpAdapter && void mountOn(host.httpAdapter, routes));
}

/** Returns what Fastify loads the plugin by once it is waited for, and so is not async itself. */
function mountOn(adapter: AbstractHttpAdapter, routes: Routes): unknown {
  // A route of either platform would take other spellings of the path, too.
  const serveOf = ({ method, url = '' }: CallbackRequest): Serve | undefined =>
    method === 'POST' ? routes.get(url.split('?', 1)[0] ?? '') : undefined;
  if (adapter.getType() !== 'fastify') {
    return adapter.use((request: CallbackRequest, response: ServerResponse, next: () => void) => {
      const serve = serveOf(request);
      if (serve === undefined) next();
      else void serve(request, response);
    });
  }
  return adapter.getInstance<FastifyInstance>().register(async (scope) => {
    // Nest adds the app's middleware to every plugin by this method.
    Object.assign(scope, { use: () => scope });
    // Before Fastify looks at the content type, which the service does not send. Later hooks are not run.
    scope.addHook('onRequest', ({ raw }, reply) => {
      const serve = serveOf(raw);
      if (serve === undefined) return void reply.callNotFound();
      reply.hijack();
      return void serve(raw, reply.raw);
    });
    for (const path of routes.keys()) scope.post(path, () => undefined);
  });
}
