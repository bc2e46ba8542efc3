import type { INestApplication } from '@nestjs/common';
import { type NestExpressApplication, ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { TestingModule } from '@nestjs/testing';

/** An HTTP platform of Nest's. */
export interface Platform {
  readonly name: string;
  createApp(module: TestingModule): INestApplication;
  /** Lets a JSON body be larger than the platform's default. */
  raiseBodyLimit(app: INestApplication): void;
}

export const PLATFORMS: readonly Platform[] = [
  {
    name: 'Express',
    createApp: (module) => module.createNestApplication<NestExpressApplication>(new ExpressAdapter()),
    raiseBodyLimit: (app) => (app as NestExpressApplication).useBodyParser('json', { limit: '256kb' }),
  },
  {
    name: 'Fastify',
    createApp: (module) =>
      module.createNestApplication<NestFastifyApplication>(
        // Its default is 100 characters, which is less than a room ID may have.
        new FastifyAdapter({ routerOptions: { maxParamLength: 384 } }),
      ),
    raiseBodyLimit: () => undefined,
  },
];
