import { beforeEach, describe, expect, it } from '@jest/globals';
import { OutageLog } from '../../lib/bullmq/outage-log.js';

let now = 0;
let lines: string[];
let log: OutageLog;
beforeEach(() => {
  lines = [];
  log = new OutageLog({ warn: (line: string) => void lines.push(line) }, () => now);
});
const failing = (message: string, code?: string | number): Error =>
  Object.assign(new Error(message), code !== undefined && { code });

describe('the log of an outage', () => {
  it('has one line, however long it takes, and another at the next one', () => {
    for (let second = 0; second < 600; second++) {
      now += 1_000;
      log.note(failing('connect ECONNREFUSED 127.0.0.1:6379', 'ECONNREFUSED'));
    }
    const line = "Redis can't be reached (ECONNREFUSED). Durable fan-outs wait until it is back.";
    expect(lines).toEqual([line]);
    now += 60_000;
    log.note(failing('connect ECONNREFUSED 127.0.0.1:6379', 'ECONNREFUSED'));
    expect(lines).toEqual([line, line]);
  });

  it("says what BullMQ's errors mean, once for all chunks", () => {
    log.note(failing('could not renew lock for job some-id.0'));
    log.note(failing('could not renew lock for job some-id.1'));
    log.note(failing('Missing lock for job some-id.0. moveToFinished', -2));
    log.note(failing('Lock mismatch for job some-id.1. Cmd moveToFinished from active', -6));
    expect(lines).toEqual([expect.stringContaining("A worker's hold on a chunk ran out")]);
    log.note(failing('Missing key for job some-id.0. moveToFinished', -1));
    expect(lines).toEqual([expect.anything(), expect.stringContaining("A chunk's job is gone from Redis")]);
  });

  it("names the loss of Redis's data, where that was found out", () => {
    log.reportLoss();
    log.reportLoss();
    expect(lines).toEqual([expect.stringMatching(/^Redis has lost what it held of a fan-out .* flushed/)]);
  });

  it("quotes Redis's refusal, without its stack", () => {
    log.note(failing("OOM command not allowed when used memory > 'maxmemory'.\nmore"));
    expect(lines).toEqual([
      "Redis: OOM command not allowed when used memory > 'maxmemory'. Durable fan-outs wait until it is back.",
    ]);
  });

  it('has one line, whichever script Redis refuses', () => {
    const refusal = "OOM command not allowed when used memory > 'maxmemory'.";
    log.note(failing(refusal));
    for (const [sha, line] of [
      ['0a1', 119],
      ['9fe', 7],
    ])
      log.note(failing(`${refusal} script: ${sha}, on @user_script:${line}.`));
    expect(lines).toEqual([
      "Redis: OOM command not allowed when used memory > 'maxmemory'. Durable fan-outs wait until it is back.",
    ]);
  });

  it('has one line, however long the client pauses before it asks the Sentinels again', () => {
    for (const pause of [10, 20, 1_000]) {
      log.note(failing(`All sentinels are unreachable. Retrying from scratch after ${pause}ms.`));
      log.note(
        failing(
          `All sentinels are unreachable. Retrying from scratch after ${pause}ms. Last error: Connection is closed.`,
        ),
      );
    }
    expect(lines).toEqual([
      'Redis: All sentinels are unreachable. Durable fan-outs wait until it is back.',
      'Redis: All sentinels are unreachable. Last error: Connection is closed. Durable fan-outs wait until it is back.',
    ]);
  });
});
