import { inspect } from 'node:util';
import type { RtcCredentials } from './credentials.js';

/** Credentials that print without their secrets, wherever the object that holds them is dumped. */
export class SealedCredentials implements RtcCredentials {
  readonly #secretAccessKey: string;
  readonly #sessionToken: string | undefined;
  readonly accessKeyId: string;

  constructor({ accessKeyId, secretAccessKey, sessionToken }: RtcCredentials) {
    this.accessKeyId = accessKeyId;
    this.#secretAccessKey = secretAccessKey;
    this.#sessionToken = sessionToken === '' ? undefined : sessionToken;
  }

  get secretAccessKey(): string {
    return this.#secretAccessKey;
  }

  get sessionToken(): string | undefined {
    return this.#sessionToken;
  }

  toJSON(): { accessKeyId: string } {
    return { accessKeyId: this.accessKeyId };
  }

  [inspect.custom](): string {
    return `SealedCredentials(${this.accessKeyId})`;
  }
}
