import type { EmulatorAccount } from './rtc-emulator-options.js';

/** What is shown in the place of a secret. */
export const WITHHELD = '(withheld)';
/** What has such a name is for no one to see, in a header or a query. */
const SECRET_NAME =
  /authorization|(^|[-_.])auth($|[-_.])|token|signature|secret|cookie|passw|credential|(api|access)[-_.]?key/i;
/** A shorter one may be a part of anything. */
const MIN_LENGTH = 8;
/** All before the signature. */
const AUTHORIZATION = /^HMAC-SHA256 Credential=[^,=]+, *SignedHeaders=[^,=]+, *Signature=/i;

/** Removes secrets from what is shown of a request: values with secret names, and the secrets of accounts anywhere. */
export class Secrets {
  readonly #values: readonly string[];

  constructor(accounts: readonly EmulatorAccount[]) {
    this.#values = accounts
      .flatMap(({ credentials: { secretAccessKey, sessionToken } }) => [secretAccessKey, sessionToken ?? ''])
      .flatMap((value) => [value, encodeURIComponent(value)])
      .filter(({ length }) => length >= MIN_LENGTH);
  }

  /** Path and query without secrets. */
  shownUrl(url: string): string {
    const named = url.replaceAll(/([^?&]*)=[^&]*/g, (pair, name: string) =>
      SECRET_NAME.test(name) ? `${name}=${WITHHELD}` : pair,
    );
    return this.#withoutValues(named);
  }

  /** @param headers by their names in lower case */
  shownHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
    const shown = Array.from(headers, ([name, value]) => {
      if (!SECRET_NAME.test(name)) return [name, this.#withoutValues(value)];
      const [beforeSignature = ''] = (name === 'authorization' && AUTHORIZATION.exec(value)) || [];
      return [name, this.#withoutValues(beforeSignature) + WITHHELD];
    });
    return Object.fromEntries(shown);
  }

  #withoutValues(text: string): string {
    return this.#values.reduce((shown, value) => shown.replaceAll(value, WITHHELD), text);
  }
}
