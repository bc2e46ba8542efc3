// What signing one request takes, the body being ready: the library's own interceptor against the floor (the two
// SHA-256 and the one HMAC that every signature needs), against a signer by hand and the vendor's packages.
import { AxiosHeaders } from 'axios';
import * as crypto from 'node:crypto';
import { redactCredentials } from '../build/credentials/credentials.js';
import { createSigningInterceptor } from '../build/openapi/signing.interceptor.js';
import { interleave } from './interleave.mjs';
import { createHandSigner } from './subjects/hand-signer.mjs';

const URL_ = 'http://127.0.0.1:8787/?Action=BatchSendRoomUnicast&Version=2023-07-20';
const { host, search } = new URL(URL_);
const params = { Action: 'BatchSendRoomUnicast', Version: '2023-07-20' };
const region = 'cn-north-1';
const credentials = { accessKeyId: 'bench-access-key', secretAccessKey: 'bench-secret-key' };

/** Each is given the bytes of a body and the same as text, and signs either, whichever is the better for it. */
const SIGNERS = {
  floor: () => {
    const key = crypto.randomBytes(32);
    const canonicalRequest = 'c'.repeat(330);
    const stringToSign = 's'.repeat(130);
    return (bytes) => {
      crypto.hash('sha256', bytes);
      crypto.hash('sha256', canonicalRequest);
      return crypto.createHmac('sha256', key).update(stringToSign).digest('hex');
    };
  },

  'this library': () => {
    const sign = createSigningInterceptor({ region, service: 'rtc' });
    const attempt = { signedWith: { credentials: redactCredentials(credentials), clockOffsetMs: 0 } };
    return (data) => sign({ method: 'POST', url: URL_, data, headers: new AxiosHeaders(), attempt });
  },

  'by hand': () => createHandSigner(credentials, host, search.slice(1)),

  '@volcengine/sdk-core': async () => {
    const { Client } = await import('@volcengine/sdk-core');
    const clientConfig = { host, region, ...credentials };
    // Only what signs: the rest of its client is no part of this.
    const { fn } = new Client(clientConfig).middlewareStack.steps.build.find(
      ({ name }) => name === 'signerMiddleware',
    );
    const sign = fn(() => undefined, { clientConfig });
    return (bytes) => {
      const headers = { 'Content-Type': 'application/json' };
      const request = {
        method: 'POST',
        pathname: '/',
        params,
        headers,
        host,
        serviceName: 'rtc',
        body: bytes,
      };
      return sign({ request });
    };
  },

  '@volcengine/openapi': async () => {
    const { Signer } = await import('@volcengine/openapi');
    const { accessKeyId, secretAccessKey: secretKey } = credentials;
    return (_bytes, body) => {
      const headers = { Host: host, 'Content-Type': 'application/json' };
      const request = { region, method: 'POST', pathname: '/', params, headers, body };
      new Signer(request, 'rtc').addAuthorization({ accessKeyId, secretKey });
      return headers;
    };
  },
};

/** @returns by signer: microseconds for one signature */
export async function measureSigning({ bytes, rounds, roundMs }) {
  const text = 'm'.repeat(bytes);
  const body = Buffer.from(text);
  const signers = new Map();
  for (const [name, create] of Object.entries(SIGNERS)) signers.set(name, await create());
  return interleave(Object.keys(SIGNERS), rounds, (name) => {
    const sign = signers.get(name);
    const end = performance.now() + roundMs;
    const cpu = process.cpuUsage();
    let count = 0;
    while (performance.now() < end) {
      for (let more = 0; more < 16; more++) sign(body, text);
      count += 16;
    }
    const { user, system } = process.cpuUsage(cpu);
    return { us: (user + system) / count };
  });
}
