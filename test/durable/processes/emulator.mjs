// The emulator in a process of its own. Whoever asks it for an account of so many users, `user-0` and on, is told
// who was sent nothing, and who was sent the message more than once.
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';

const emulator = await RtcEmulator.start({ requestsPerSecond: Number.POSITIVE_INFINITY, keep: 0 });
// An answer that is late leaves time for the one who waits for it to be killed.
emulator.faults.replace([{ kind: 'late', delayMs: 20, probability: 0.8, seed: 5 }]);

process.on('disconnect', () => process.exit());
process.on('message', ({ message, users }) => {
  const missing = [];
  for (let user = 0; user < users; user++) {
    if (emulator.deliveries.count(`user-${user}`, message) === 0) missing.push(`user-${user}`);
  }
  process.send({
    deliveries: emulator.deliveries.total,
    doubled: emulator.deliveries.duplicates().length,
    missing,
  });
});
process.send({ moduleOptions: emulator.moduleOptions() });
