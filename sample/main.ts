import 'reflect-metadata';
import { Logger, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

async function bootstrap(): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule);
  // 600 user IDs of 128 characters and 20 KB as base64 come to over 100 KB, which is Express's default limit.
  app.useBodyParser('json', { limit: '256kb' });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  // Lets app.close() run when the process is told to stop, so that what is in flight can finish.
  app.enableShutdownHooks();
  await app.listen(process.env['PORT'] ?? 3000, process.env['HOST'] ?? '127.0.0.1');
  Logger.log(`Listening on ${await app.getUrl()}`, 'Sample');
}

await bootstrap();
