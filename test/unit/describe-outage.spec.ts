import { describe, expect, it } from '@jest/globals';
import { describeOutage } from '../../lib/bullmq/describe-outage.js';

/** The lines about some errors, each once. */
const linesOf = (...errors: Error[]): string[] => [
  ...new Set(errors.map(describeOutage).filter((line) => line !== undefined)),
];
const failing = (message: string, code?: string | number): Error =>
  Object.assign(new Error(message), code !== undefined && { code });

describe('the line about an outage', () => {
  it('names the failure', () => {
    expect(linesOf(failing('connect ECONNREFUSED 127.0.0.1:6379', 'ECONNREFUSED'))).toEqual([
      "Redis can't be reached (ECONNREFUSED). Durable fan-outs wait until it is back.",
    ]);
  });

  it("says what BullMQ's errors mean, once for all chunks", () => {
    const lost = [
      failing('Missing lock for job some-id.0. moveToFinished', -2),
      failing('Lock mismatch for job some-id.1. Cmd moveToFinished from active', -6),
    ];
    expect(linesOf(...lost)).toEqual([expect.stringContaining("A worker's hold on a chunk ran out")]);
  });

  it('is left out for what the ledger repairs, or a later error tells', () => {
    expect(
      linesOf(
        failing('Missing key for job some-id.0. moveToFinished', -1),
        failing('could not renew lock for job some-id.0'),
      ),
    ).toEqual([]);
  });

  it("quotes Redis's refusal, without its stack", () => {
    expect(linesOf(failing("OOM command not allowed when used memory > 'maxmemory'.\nmore"))).toEqual([
      "Redis: OOM command not allowed when used memory > 'maxmemory'. Durable fan-outs wait until it is back.",
    ]);
  });

  it('has one line, whichever script Redis refuses', () => {
    const refusal = "OOM command not allowed when used memory > 'maxmemory'.";
    const scripts = ['0a1, on @user_script:119', '9fe, on @user_script:7'];
    const errors = scripts.map((script) => failing(`${refusal} script: ${script}.`));
    expect(linesOf(failing(refusal), ...errors)).toEqual([
      "Redis: OOM command not allowed when used memory > 'maxmemory'. Durable fan-outs wait until it is back.",
    ]);
  });

  it('has one line, however long the client pauses before it asks the Sentinels again', () => {
    const errors = [10, 20, 1_000].flatMap((pause) => {
      const line = `All sentinels are unreachable. Retrying from scratch after ${pause}ms.`;
      return [failing(line), failing(`${line} Last error: Connection is closed.`)];
    });
    expect(linesOf(...errors)).toEqual([
      'Redis: All sentinels are unreachable. Durable fan-outs wait until it is back.',
      'Redis: All sentinels are unreachable. Last error: Connection is closed. Durable fan-outs wait until it is back.',
    ]);
  });
});
