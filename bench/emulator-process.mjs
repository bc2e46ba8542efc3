// The emulator in a process of its own, as far from the client as it can be on one machine. Its first argument is
// a JSON text: { requestsPerSecond (null: no quota), delayMs (at most, at random, before a request arrives), constant (that much, for
// each), keepBytes (of what came, about) }.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { createHandSigner } from './subjects/hand-signer.mjs';

const { requestsPerSecond, delayMs, constant = false, keepBytes = 2 ** 31 } = JSON.parse(process.argv[2]);
const emulator = await RtcEmulator.start({
  quota: { requestsPerSecond: requestsPerSecond ?? Number.POSITIVE_INFINITY },
  keepBytes,
});
const { port, hostname } = new URL(emulator.url);
let endpoint = emulator.url;

if (delayMs > 0) {
  const settings = { port: Number(port), host: hostname, delayMs, constant };
  const line = fork(join(import.meta.dirname, 'line-process.mjs'), [JSON.stringify(settings)], {
    execArgv: [],
  });
  const [linePort] = await once(line, 'message');
  endpoint = `http://127.0.0.1:${linePort}`;
}

// The service that it stands for has long been running. What it is warmed up with is paced, and forgotten.
await warmUp();

// 'forget' what came so far; { account: [times] }, with what was accepted between each time and the next; 'end'.
process.on('message', (question) => {
  if (question === 'forget') {
    emulator.clear();
    process.send('forgotten');
    return;
  }
  if (question === 'end') process.exit();
  const times = question.account;
  const { requests, dropped } = emulator;
  if (dropped.requests + dropped.accepted > 0)
    throw new Error('The record is not complete: raise keepBytes.');
  const accepted = requests.filter(({ outcome }) => outcome !== 'refused').map(({ at }) => at.getTime());
  process.send({
    requests: requests.length,
    refused: requests.filter(({ outcome }) => outcome === 'refused').length,
    accepted: emulator.accepted.total,
    duplicates: emulator.accepted.duplicateCount,
    refusedAt: requests.filter(({ outcome }) => outcome === 'refused').map(({ at }) => at.getTime()),
    parts: times.slice(1).map((to, index) => ({
      from: times[index],
      to,
      accepted: accepted.filter((at) => at >= times[index] && at < to).length,
    })),
    mostInAnySecond: mostInAnySecond(requests.map(({ at }) => at.getTime())),
  });
});

async function warmUp() {
  const { appId, from, credentials } = emulator.moduleOptions();
  const query = 'Action=BatchSendRoomUnicast&Version=2023-07-20';
  const url = `${endpoint}/?${query}`;
  const sign = createHandSigner(credentials, new URL(url).host, query);
  const agent = new Agent({ keepAlive: true, maxSockets: 48 });
  // As long as those of the benchmarks, since V8 reads strings of up to ten characters by other code.
  const To = Array.from({ length: 600 }, (_none, index) => `user-${2_000_000 + index}`);
  const send = (index) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ AppId: appId, From: from, RoomId: 'warm', To, Message: `${index}` });
      const sent = request(url, { method: 'POST', agent, headers: sign(body) }, (response) =>
        response.resume().on('end', resolve),
      );
      sent.on('error', reject).end(body);
    });
  const sending = [];
  for (let index = 0; index < 3_000; index++) {
    sending.push(send(index));
    await sleep(2);
  }
  await Promise.all(sending);
  agent.destroy();
  emulator.clear();
  // What was counted within the last second still is.
  await sleep(1_100);
}

function mostInAnySecond(times) {
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last++) {
    while (times[last] - times[first] >= 1_000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
process.send({ options: { ...emulator.moduleOptions(), endpoint } });
