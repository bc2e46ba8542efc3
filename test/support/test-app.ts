import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Platform } from './platforms.js';

/** A Nest app that listens on loopback. */
export interface TestApp {
  readonly app: INestApplication;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  // What a server answers is looked into by the tests; a type would only hide a surprise.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** Starts an app; `configure` runs before it listens. */
export async function startApp(
  platform: Platform,
  metadata: ModuleMetadata,
  configure: (app: INestApplication) => void = () => undefined,
): Promise<TestApp> {
  const module = await Test.createTestingModule(metadata).compile();
  const app = platform.createApp(module);
  app.useLogger(false);
  configure(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return { app, post: (path, body, headers) => postJson(url + path, body, headers) };
}

/** A string is sent as it is, anything else as JSON. */
export async function postJson(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<TestAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
