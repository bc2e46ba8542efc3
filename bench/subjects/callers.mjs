// Each subject: how an app would call BatchSendRoomUnicast with it. Given where, with which access key, and the
// fields of the request; returns a function that makes one call. Each is loaded alone, in a process of its own.
import { createPayload, toBody } from './payload.mjs';

const QUERY = 'Action=BatchSendRoomUnicast&Version=2023-07-20';

export const SUBJECTS = {
  'this library': async ({ endpoint, credentials, bytes }) => {
    await import('reflect-metadata');
    const { Logger } = await import('@nestjs/common');
    const { NestFactory } = await import('@nestjs/core');
    const { RoomUnicastService, RtcMessagingModule } = await import('nestjs-rtc-messaging');
    Logger.overrideLogger(['error', 'warn']);
    const options = { appId: 'emulator-app', from: 'server', endpoint, credentials };
    const app = await NestFactory.createApplicationContext(
      // The gate is there, and never holds anything up.
      RtcMessagingModule.forRoot({ ...options, quota: { requestsPerSecond: 1_000_000 } }),
    );
    const service = app.get(RoomUnicastService);
    const payload = createPayload(bytes);
    return () => service.batchSend(payload);
  },

  'raw node:http': async ({ endpoint, credentials, bytes }) => {
    const http = await import('node:http');
    const { createHandSigner } = await import('./hand-signer.mjs');
    const { hostname, port, host } = new URL(endpoint);
    const sign = createHandSigner(credentials, host, QUERY);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    const payload = createPayload(bytes);
    return () =>
      new Promise((resolve, reject) => {
        const body = Buffer.from(JSON.stringify(toBody(payload)));
        const headers = { ...sign(body), 'Content-Length': body.length };
        const request = http.request({ hostname, port, path: `/?${QUERY}`, method: 'POST', headers, agent });
        request.on('error', reject);
        request.on('response', (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
        });
        request.end(body);
      });
  },

  undici: async ({ endpoint, credentials, bytes }) => {
    const { Pool } = await import('undici');
    const { createHandSigner } = await import('./hand-signer.mjs');
    const sign = createHandSigner(credentials, new URL(endpoint).host, QUERY);
    const pool = new Pool(endpoint, { connections: 64 });
    const payload = createPayload(bytes);
    return async () => {
      const body = Buffer.from(JSON.stringify(toBody(payload)));
      const answer = await pool.request({ path: `/?${QUERY}`, method: 'POST', headers: sign(body), body });
      return answer.body.json();
    };
  },

  'Axios + agent + signing': async ({ endpoint, credentials, bytes }) => {
    const { default: axios } = await import('axios');
    const http = await import('node:http');
    const { createHandSigner } = await import('./hand-signer.mjs');
    const sign = createHandSigner(credentials, new URL(endpoint).host, QUERY);
    const client = axios.create({
      baseURL: endpoint,
      httpAgent: new http.Agent({ keepAlive: true, maxSockets: 64 }),
      transformRequest: (data) => data,
    });
    client.interceptors.request.use((config) => {
      config.headers.set(sign(config.data));
      return config;
    });
    const payload = createPayload(bytes);
    return async () => (await client.post(`/?${QUERY}`, Buffer.from(JSON.stringify(toBody(payload))))).data;
  },

  '@volcengine/sdk-core': async ({ endpoint, credentials, bytes }) => {
    const { Client, Command } = await import('@volcengine/sdk-core');
    class BatchSendCommand extends Command {
      constructor(input) {
        super(input);
        const params = { Action: 'BatchSendRoomUnicast', Version: '2023-07-20' };
        this.requestConfig = {
          params,
          method: 'POST',
          serviceName: 'rtc',
          pathname: '/',
          contentType: 'application/json',
        };
      }
    }
    const client = new Client({
      host: new URL(endpoint).host,
      protocol: 'http',
      region: 'cn-north-1',
      ...credentials,
    });
    const payload = createPayload(bytes);
    return () => client.send(new BatchSendCommand(toBody(payload)));
  },

  '@volcengine/openapi': async ({ endpoint, credentials, bytes }) => {
    const { Service } = await import('@volcengine/openapi');
    const service = new Service({
      host: new URL(endpoint).host,
      protocol: 'http:',
      region: 'cn-north-1',
      serviceName: 'rtc',
      accessKeyId: credentials.accessKeyId,
      secretKey: credentials.secretAccessKey,
    });
    const send = service.createJSONAPI('BatchSendRoomUnicast', { Version: '2023-07-20' });
    const payload = createPayload(bytes);
    return () => send(toBody(payload));
  },
};
