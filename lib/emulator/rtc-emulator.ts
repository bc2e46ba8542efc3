import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Admission, admissionBy } from './admission.js';
import { ApiEndpoint } from './api-endpoint.js';
import { ClientSockets } from './client-sockets.js';
import { CONTROL_PREFIX, serveControlApi } from './control-api.js';
import { EmulatorState } from './emulator-state.js';
import { readBody, sendError } from './http-body.js';
import { HttpError } from './http-error.js';
import {
  type ResolvedEmulatorOptions,
  resolveEmulatorOptions,
  type RtcEmulatorOptions,
} from './rtc-emulator-options.js';

/**
 * The remote API on this machine: real HTTP, the vendor's checks, answers and codes, a quota, and rooms whose
 * users receive what is sent to them.
 *
 * ```ts
 * const emulator = await RtcEmulator.start();
 * const alice = emulator.room('room-1').join('alice');
 * // … RtcMessagingModule.forRoot(emulator.moduleOptions()) …
 * alice.received; // [{ event: 'onUserMessageReceived', from: 'server', message: 'hello', at, msgid }]
 * await emulator.close();
 * ```
 */
export class RtcEmulator extends EmulatorState {
  readonly #admit: Admission;
  readonly #api: ApiEndpoint;
  readonly #sockets: ClientSockets;

  private constructor(options: ResolvedEmulatorOptions) {
    super(options);
    this.#admit = admissionBy(options);
    this.#api = new ApiEndpoint(this);
    this.#sockets = new ClientSockets(this.#admit, this);
    this.listener.serve({
      onRequest: (request, response) => void this.#serve(request, response),
      onUpgrade: (...upgrade) => this.#sockets.upgrade(...upgrade),
      faultOfConnection: () => this.faults.for('connection'),
    });
  }

  /** @throws TypeError for an option that can't be used; Node's error when the port is taken */
  static async start(options: RtcEmulatorOptions = {}): Promise<RtcEmulator> {
    const resolved = resolveEmulatorOptions(options);
    const emulator = new RtcEmulator(resolved);
    await emulator.listener.listen(resolved.port, resolved.host);
    return emulator;
  }

  /** Stops listening and posting, and ends every connection. */
  async close(): Promise<void> {
    await this.callbacks.close();
    this.#sockets.close();
    this.attendance.close();
    await this.listener.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isControl = request.url?.startsWith(CONTROL_PREFIX);
    try {
      this.#admit(request);
      const body = await readBody(request);
      if (isControl) {
        await serveControlApi(this, request, body, response);
      } else {
        this.#api.handle(request, body, response);
      }
    } catch (error) {
      sendError(response, error);
      // A test's own function threw: it surfaces as unhandled.
      if (!isControl && !(error instanceof HttpError)) throw error;
    }
  }
}
