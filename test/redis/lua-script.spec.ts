import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis, type RedisOptions } from 'ioredis';
import { LuaScript } from '../../lib/redis-client/lua-script.js';
import { rejectionOf } from '../support/rejection.js';
import { type StartedRedis, startRedis } from '../support/redis.js';

let redis: StartedRedis;
let clients: Redis[] = [];
beforeAll(async () => {
  redis = await startRedis({ own: true });
});
afterAll(() => redis.stop());
afterEach(() => {
  for (const client of clients) client.disconnect();
  clients = [];
});
function connect(options: RedisOptions = {}): Redis {
  const client = new Redis(redis.url, options);
  clients.push(client);
  return client;
}
/** How often the server was given the whole of a script, and its digest. */
async function timesSent(client: Redis): Promise<{ whole: number; digest: number }> {
  const stats = await client.info('commandstats');
  const calls = (command: string): number =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  return { whole: calls('eval'), digest: calls('evalsha') };
}
const echo = new LuaScript('echo', 'return {KEYS[1], ARGV[1], ARGV[2]}');

describe('a Lua script', () => {
  it('is given its keys and arguments, and answers with what it returns', async () => {
    expect(await echo.run(connect(), ['key'], ['a', 5])).toEqual(['key', 'a', '5']);
  });

  it('is sent once a connection, and called by its digest from then on', async () => {
    const client = connect();
    const before = await timesSent(client);
    for (let n = 0; n < 5; n++) await echo.run(client, ['key'], []);
    const after = await timesSent(client);
    expect([after.whole - before.whole, after.digest - before.digest]).toEqual([1, 4]);
  });

  it('is sent again to a server that has forgotten it, however many calls are in flight', async () => {
    const client = connect();
    await echo.run(client, ['key'], []);
    await client.script('FLUSH');
    const answers = await Promise.all(Array.from({ length: 20 }, (_n, i) => echo.run(client, ['key'], [i])));
    expect(answers).toEqual(Array.from({ length: 20 }, (_n, i) => ['key', String(i)]));
  });

  it('does not clash with another copy of the library on a client that both use', async () => {
    const client = connect();
    const other = new LuaScript('echo', "return 'other'");
    const same = new LuaScript('echo', 'return {KEYS[1], ARGV[1], ARGV[2]}');
    expect(await echo.run(client, ['key'], ['a'])).toEqual(['key', 'a']);
    expect(await other.run(client, ['key'], ['a'])).toBe('other');
    expect(await same.run(client, ['key'], ['b'])).toEqual(['key', 'b']);
    expect(await echo.run(client, ['key'], ['c'])).toEqual(['key', 'c']);
  });

  it('does not replace a command of the same name that the app has defined', async () => {
    const client = connect() as Redis & { echo(key: string): Promise<unknown> };
    client.defineCommand('echo', { lua: "return 'the app'", numberOfKeys: 1 });
    expect(await echo.run(client, ['key'], [])).toEqual(['key']);
    expect(await client.echo('key')).toBe('the app');
  });

  it.each<[string, RedisOptions, string]>([
    ['puts a prefix before its keys', { keyPrefix: 'app:' }, 'app:key'],
    ['sends what is asked at once together', { enableAutoPipelining: true }, 'key'],
    ['has numbers as strings', { stringNumbers: true }, 'key'],
  ])('runs on a client of the app that %s', async (_name, options, key) => {
    const client = connect(options);
    const asked = [1, 2, 3].map((n) => echo.run(client, ['key'], [n]));
    expect(await Promise.all(asked)).toEqual([1, 2, 3].map((n) => [key, String(n)]));
  });

  it('fails with what the server says, without its arguments, which may be a message', async () => {
    const failing = new LuaScript('failing', "return redis.error_reply('NOTNOW not now')");
    const error = await rejectionOf(failing.run(connect(), ['key'], ['a message']));
    expect(error).toMatchObject({ name: 'ReplyError', message: 'NOTNOW not now' });
    expect(error).not.toHaveProperty('command');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('a message');
  });
});
