/**
 * @typedef {import('../live/live-command.js').LiveCommand} LiveCommand
 * @typedef {import('../live/live-event.js').LiveEvent} LiveEvent
 */

const WRONG_KEY = 4_401;
const RECONNECT_MS = 1_000;

/** The connection over which the page is told what happens; made again whenever it breaks. */
export class LiveConnection {
  /** @type {WebSocket | undefined} */
  #socket;

  /** @param {{ onEvent(event: LiveEvent): void, onLost(): void, onWrongKey(): void }} listener */
  constructor(listener) {
    this.listener = listener;
  }

  /** @param {string} key */
  open(key) {
    const { protocol, host } = location;
    const socket = new WebSocket(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}/console/live`);
    this.#socket?.close();
    this.#socket = socket;
    socket.addEventListener('open', () => this.send({ type: 'hello', key }));
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.listener.onEvent(JSON.parse(data));
    });
    socket.addEventListener('close', ({ code }) => {
      if (this.#socket !== socket) return;
      if (code === WRONG_KEY) {
        this.listener.onWrongKey();
        return;
      }
      this.listener.onLost();
      window.setTimeout(() => this.open(key), RECONNECT_MS);
    });
  }

  /**
   * @param {LiveCommand} command
   * @returns whether it could be sent
   */
  send(command) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(command));
    return true;
  }
}
