import { expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { type CallbackRequest, readFields } from '../../lib/callbacks/callback-request.js';

it('no more than 128 bodies are on their way, though all begin before the first one that is cut has closed', async () => {
  const requests = Array.from({ length: 300 }, () => Object.assign(new PassThrough(), { headers: {} }));
  const read = requests.map((request) => readFields(request as unknown as CallbackRequest));
  const refused = Promise.allSettled(read);
  const open = requests.filter(({ destroyed }) => !destroyed);
  expect(open).toEqual(requests.slice(-128));
  for (const request of open) request.end('{}');
  const results = await refused;
  expect(results.slice(-128).every(({ status }) => status === 'fulfilled')).toBe(true);
  expect(results.slice(0, -128).every(({ status }) => status === 'rejected')).toBe(true);
});
