import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('emulator-process.mjs', import.meta.url));

/**
 * Starts the emulator in a process of its own.
 * @param settings of `emulator-process.mjs`
 */
export async function startEmulator(settings) {
  const execArgv = [...process.execArgv, '--disable-warning=RtcEmulatorWarning'];
  const child = fork(PROGRAM, [JSON.stringify(settings)], { execArgv });
  const answer = async () => {
    const [message] = await once(child, 'message');
    return message;
  };
  const { options } = await answer();
  return {
    /** Of the module. */
    options,
    /** What came so far; with times, also what was accepted between each and the next. */
    account(times = []) {
      child.send({ account: times });
      return answer();
    },
    forget() {
      child.send('forget');
      return answer();
    },
    async stop() {
      if (!child.connected) return;
      const ended = once(child, 'exit');
      child.send('end');
      await ended;
    },
  };
}
