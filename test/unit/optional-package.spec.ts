import { describe, expect, it } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import { isNotInstalled } from '../../lib/config/optional-package.js';

const NAME = '@nestjs/swagger';

describe('a package that is not installed', () => {
  it.each<[string, Error]>([
    ['an ES module', new Error(`Cannot find package '${NAME}' imported from /app/index.js`)],
    ['CommonJS', new Error(`Cannot find module '${NAME}'\nRequire stack:\n- /app/index.js`)],
    [
      "Yarn's Plug'n'Play",
      Object.assign(
        new Error(
          `nestjs-rtc-messaging tried to access ${NAME} (a peer dependency) but it isn't provided by your application`,
        ),
        { code: 'MODULE_NOT_FOUND', pnpCode: 'MISSING_PEER_DEPENDENCY' },
      ),
    ],
    [
      'Jest, of another realm',
      runInNewContext('new Error(message)', {
        message: `Cannot find module '${NAME}' from 'app/index.js'`,
      }) as Error,
    ],
  ])('is recognized by the error of %s', (_who, error) => {
    expect(isNotInstalled(error, NAME)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['one that it needs', new Error("Cannot find package 'reflect-metadata' imported from /app/swagger.js")],
    ['a syntax error in it', new SyntaxError('Unexpected token')],
    ['something that is no error', 'no'],
  ])('is not confused with the failure of %s', (_what, error) => {
    expect(isNotInstalled(error, NAME)).toBe(false);
  });
});
