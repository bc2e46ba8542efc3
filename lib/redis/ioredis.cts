// CommonJS in both builds, so that a missing package can be told in words of our own: an ES module's static
// import fails before any of its code runs.
import type * as Ioredis from 'ioredis';

function load(): typeof Ioredis {
  try {
    return require('ioredis') as typeof Ioredis;
  } catch (error) {
    const { code, message = '' } = error as Error & { code?: string };
    if (code !== 'MODULE_NOT_FOUND' || !message.startsWith("Cannot find module 'ioredis'")) throw error;
    throw Object.assign(
      new Error('nestjs-rtc-messaging/redis needs ioredis, which is not installed: npm install ioredis'),
      { code },
    );
  }
}

const ioredis = load();

export const Redis = ioredis.Redis;
export const Cluster = ioredis.Cluster;
