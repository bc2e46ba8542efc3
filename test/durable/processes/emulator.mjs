// The emulator in a process of its own. Its first argument is a JSON text: its options. Whoever asks it for an account of so many users, `user-0` and on, is told
// who was sent nothing, and who was sent the message more than once.
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';

const emulator = await RtcEmulator.start({
  quota: { requestsPerSecond: Number.POSITIVE_INFINITY },
  ...JSON.parse(process.argv[2]),
});
// An answer that is late leaves time for the one who waits for it to be killed.
emulator.faults.replace([{ kind: 'late', delayMs: 20, probability: 0.8, seed: 5 }]);

process.on('disconnect', () => process.exit());
process.on('message', ({ message, users }) => {
  const missing = [];
  for (let user = 0; user < users; user++) {
    if (emulator.accepted.count(`user-${user}`, message) === 0) missing.push(`user-${user}`);
  }
  process.send({
    accepted: emulator.accepted.total,
    doubled: emulator.accepted.duplicateCount,
    missing,
  });
});
process.send({ moduleOptions: emulator.moduleOptions() });
