// Each subject: how an app would call BatchSendRoomUnicast with it. Given where and with which access key; returns
// what makes one call with the given fields. Each is loaded alone, in a process of its own.
import { toBody } from './payload.mjs';

const QUERY = 'Action=BatchSendRoomUnicast&Version=2023-07-20';

const CALLERS = {
  'this library': async ({ endpoint, credentials }) => {
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
    return {
      call: (payload) => service.batchSend(payload),
      fanOut: async (to, message, concurrency) => {
        const { status } = await service.fanOut({ roomId: 'room-1', to, message }, { concurrency });
        if (status !== 'accepted') throw new Error(status);
      },
    };
  },

  'raw node:http': async ({ endpoint, credentials }) => {
    const http = await import('node:http');
    const { createHandSigner } = await import('./hand-signer.mjs');
    const { hostname, port, host } = new URL(endpoint);
    const sign = createHandSigner(credentials, host, QUERY);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    const call = (payload) =>
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
    return { call };
  },

  undici: async ({ endpoint, credentials }) => {
    const { Pool } = await import('undici');
    const { createHandSigner } = await import('./hand-signer.mjs');
    const sign = createHandSigner(credentials, new URL(endpoint).host, QUERY);
    const pool = new Pool(endpoint, { connections: 64 });
    const call = async (payload) => {
      const body = Buffer.from(JSON.stringify(toBody(payload)));
      const answer = await pool.request({ path: `/?${QUERY}`, method: 'POST', headers: sign(body), body });
      return answer.body.json();
    };
    return { call };
  },

  // As one writes it who knows Axios and the signature, and that Axios would parse, trim and re-quote a string.
  'Axios + agent + signing': async (target) => {
    const { client, sign } = await createAxios(target, {
      timeout: 5_000,
    });
    client.interceptors.request.use((config) => {
      config.data = Buffer.from(JSON.stringify(config.data));
      config.headers.set(sign(config.data));
      return config;
    });
    return { call: async (payload) => (await client.post(`/?${QUERY}`, toBody(payload))).data };
  },

  // As the one before, with what can be spared left out.
  'the same, tuned': async (target) => {
    const { client, sign } = await createAxios(target, {
      maxRedirects: 0,
      transformRequest: (data) => data,
    });
    client.interceptors.request.use(
      (config) => {
        config.headers.set(sign(config.data));
        return config;
      },
      undefined,
      { synchronous: true },
    );
    const call = async (payload) => {
      const body = Buffer.from(JSON.stringify(toBody(payload)));
      return (await client.post(`/?${QUERY}`, body)).data;
    };
    return { call };
  },

  '@volcengine/sdk-core': async ({ endpoint, credentials }) => {
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
    return { call: (payload) => client.send(new BatchSendCommand(toBody(payload))) };
  },

  '@volcengine/openapi': async ({ endpoint, credentials }) => {
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
    return { call: (payload) => send(toBody(payload)) };
  },
};

/** With an agent that keeps connections, and what signs. */
async function createAxios({ endpoint, credentials }, settings) {
  const { default: axios } = await import('axios');
  const http = await import('node:http');
  const { createHandSigner } = await import('./hand-signer.mjs');
  const httpAgent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  return {
    client: axios.create({ baseURL: endpoint, httpAgent, ...settings }),
    sign: createHandSigner(credentials, new URL(endpoint).host, QUERY),
  };
}

export const SUBJECTS = Object.keys(CALLERS);
export const FAN_OUT_SUBJECTS = ['this library', 'raw node:http', 'Axios + agent + signing'];

/** @returns `call`, given the fields of a request, and `fanOut` where the subject has one of its own */
export function createCaller(name, target) {
  return CALLERS[name](target);
}
