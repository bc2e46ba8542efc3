import type { ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { CallbackRequest } from './callback-request.js';

type Serve = (request: CallbackRequest, response: ServerResponse) => void;
/** By path. All are POST. */
type Routes = ReadonlyMap<string, Serve>;

/** What is used of Express, which has `use` alone, and of Fastify. */
interface HttpApp {
  use(middleware: (...parts: [CallbackRequest, ServerResponse, next: () => void]) => void): unknown;
  post(path: string, serve: Serve): unknown;
  register(plugin: (scope: HttpApp, options: unknown, done: () => void) => void): PromiseLike<unknown>;
  addHook(name: 'onRequest', hook: OnRequest): unknown;
}

type OnRequest = (
  request: { readonly raw: CallbackRequest; readonly routeOptions: { readonly url?: string } },
  reply: { readonly raw: ServerResponse; hijack(): unknown },
  done: () => void,
) => void;

/**
 * Adds routes to the app's HTTP server, before the app's middleware, and with none of the app's settings. The server of
 * an app in a test is made after its modules; an app without HTTP gets no routes.
 * @throws RtcConfigError on other platforms than Express and Fastify
 */
export async function mountRoutes(host: HttpAdapterHost, routes: Routes): Promise<void> {
  // Fastify loads the plugin now, before the app can add middleware, which plugins inherit.
  if (host.httpAdapter) await mountOn(host.httpAdapter, routes);
  else {
    host.init$.subscribe(() => {
      // Fastify loads it with the app's own plugins. To wait here would disturb those.
      if (host.httpAdapter) void mountOn(host.httpAdapter, routes);
    });
  }
}

function mountOn(adapter: HttpAdapterHost['httpAdapter'], routes: Routes): PromiseLike<unknown> | undefined {
  const platform: string = adapter.getType();
  const app = adapter.getInstance<HttpApp>();
  if (platform === 'fastify')
    return app.register((scope, _options, done) => {
      mountOnFastify(scope, routes);
      done();
    });
  if (platform !== 'express') {
    const message = `can't add routes to an app on ${platform || 'this platform'}; there are Express and Fastify`;
    throw new RtcConfigError([{ option: 'RtcCallbackModule.forRoot()', message }]);
  }
  // A route of Express would take other letter cases and a final slash, too.
  app.use((request, response, next) => {
    const [path = ''] = request.url?.split('?', 1) ?? [];
    const serve = request.method === 'POST' ? routes.get(path) : undefined;
    return serve === undefined ? next() : serve(request, response);
  });
  return undefined;
}

/** @param scope a plugin of its own */
function mountOnFastify(scope: HttpApp, routes: Routes): void {
  // Nest adds the app's middleware to every plugin by this method.
  scope.use = () => scope;
  // Before Fastify looks at the content type, which the service does not send. Later hooks are not run.
  scope.addHook('onRequest', (request, reply, done) => {
    const serve = routes.get(request.routeOptions.url ?? '');
    if (serve === undefined) return done();
    reply.hijack();
    return serve(request.raw, reply.raw);
  });
  for (const path of routes.keys()) scope.post(path, () => undefined);
}
