import { type CredentialScope, deriveSigningKey, scopeText } from './signature-v4.js';

/**
 * Keeps the last derived key: one client signs with one secret, one region and one service, and the date
 * changes once a day. A key derived afresh would cost more than all the rest of a small request's signature.
 */
export class SigningKeyCache {
  #secretAccessKey = '';
  #scope = '';
  #key: Uint8Array = new Uint8Array();

  /** @param text the scope as it is written, if that is at hand */
  get(secretAccessKey: string, scope: CredentialScope, text = scopeText(scope)): Uint8Array {
    if (secretAccessKey !== this.#secretAccessKey || text !== this.#scope) {
      this.#key = deriveSigningKey(secretAccessKey, scope);
      this.#secretAccessKey = secretAccessKey;
      this.#scope = text;
    }
    return this.#key;
  }
}
