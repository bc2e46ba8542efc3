import type { ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { CallbackRequest } from './callback-request.js';

/** Answers a request. */
export type Serve = (request: CallbackRequest, response: ServerResponse) => void;
/** By path. All are POST. */
type Routes = ReadonlyMap<string, Serve>;

/** What is used of Express, which has `use` alone, and of Fastify. */
interface HttpApp {
  use(middleware: (...parts: [CallbackRequest, ServerResponse, next: () => void]) => void): unknown;
  register(plugin: (scope: HttpApp) => Promise<void>): PromiseLike<unknown>;
  addHook(
    name: 'onRequest',
    hook: (...parts: [FastifyRequest, FastifyReply, next: () => void]) => void,
  ): void;
  post(path: string, handler: () => void): unknown;
}
type FastifyRequest = { readonly raw: CallbackRequest };
type FastifyReply = { readonly raw: ServerResponse; hijack(): unknown; callNotFound(): unknown };

/**
 * Adds routes to the app's HTTP server, before the app's middleware, and with none of the app's settings. The server of
 * an app in a test is made after its modules; an app without HTTP gets no routes.
 * @throws RtcConfigError on other platforms than Express and Fastify
 */
export async function mountRoutes(host: HttpAdapterHost, routes: Routes): Promise<void> {
  // Fastify loads the plugin now, before the app can add middleware, which plugins inherit.
  if (host.httpAdapter) await mountOn(host.httpAdapter, routes);
  // Fastify loads it with the app's own plugins. To wait here would disturb those.
  else host.init$.subscribe(() => host.httpAdapter && void mountOn(host.httpAdapter, routes));
}

function mountOn(adapter: HttpAdapterHost['httpAdapter'], routes: Routes): PromiseLike<unknown> | undefined {
  const platform: string = adapter.getType();
  const app = adapter.getInstance<HttpApp>();
  // A route of either would take other spellings of the path, too.
  const serveOf = ({ method, url = '' }: CallbackRequest): Serve | undefined =>
    method === 'POST' ? routes.get(url.split('?', 1)[0] ?? '') : undefined;
  if (platform === 'fastify')
    return app.register(async (scope) => {
      // Nest adds the app's middleware to every plugin by this method.
      scope.use = () => scope;
      // Before Fastify looks at the content type, which the service does not send. Later hooks are not run.
      scope.addHook('onRequest', ({ raw }, reply) => {
        const serve = serveOf(raw);
        if (serve === undefined) return void reply.callNotFound();
        reply.hijack();
        return serve(raw, reply.raw);
      });
      for (const path of routes.keys()) scope.post(path, () => undefined);
    });
  if (platform !== 'express') {
    const message = `can't add routes to an app on ${platform || 'this platform'}; there are Express and Fastify`;
    throw new RtcConfigError([{ option: 'RtcCallbackModule.forRoot()', message }]);
  }
  app.use((request, response, next) => {
    const serve = serveOf(request);
    return serve === undefined ? next() : serve(request, response);
  });
  return undefined;
}
