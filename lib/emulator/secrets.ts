import type { EmulatorAccount } from './rtc-emulator-options.js';

/** What is shown in the place of a secret. */
export const WITHHELD = '(withheld)';
/** What has such a name is for no one to see, in a header or a query. */
const SECRET_NAME =
  /authorization|(^|[-_.])auth($|[-_.])|token|signature|secret|cookie|passw|credential|(api|access)[-_.]?key/i;
/** A signature; a hash of a body looks like one. */
const SIGNATURE = /[\da-f]{64}/i;
/** All before the signature. */
const AUTHORIZATION =
  /^HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[a-z\d-]{1,64}\/[a-z\d-]{1,64}\/request,\s*SignedHeaders=[a-z\d;-]+,\s*Signature=/i;
const BODY_HASH = 'x-content-sha256';
/** A shorter one is looked for as a whole alone, since it may be a part of anything. */
const MIN_PART = 8;

/**
 * Removes secrets from a checked request: values with secret names and, anywhere, texts that look like a signature or
 * contain a secret of an account.
 */
export class Secrets {
  readonly #accessKeyIds: ReadonlySet<string>;
  readonly #values: readonly string[];

  constructor(accounts: readonly EmulatorAccount[]) {
    this.#accessKeyIds = new Set(accounts.map(({ credentials }) => credentials.accessKeyId));
    this.#values = accounts
      .flatMap(({ credentials: { secretAccessKey, sessionToken = '' } }) => [secretAccessKey, sessionToken])
      .filter((value) => value !== '')
      .map((value) => value.toLowerCase());
  }

  /** Path and query without secrets. */
  shownUrl(url: string): string {
    const [path = '', query] = url.split(/\?(.*)/s, 2);
    const shownPath = this.#isSecret(path) ? `/${WITHHELD}` : path;
    if (query === undefined) return shownPath;
    const shownQuery = query.replaceAll(/([^&=]*)(=?)([^&]*)/g, (_all, name: string, is: string, value) => {
      const [shownName, shownValue] = this.#pair(name, String(value));
      return is === '' ? shownName : `${shownName}=${shownValue}`;
    });
    return `${shownPath}?${shownQuery}`;
  }

  /** @param headers by their names in lower case */
  shownHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
    return Object.fromEntries(
      Array.from(headers, ([name, value]) => {
        if (name === 'authorization') return [name, this.#authorization(value)];
        return name === BODY_HASH && /^[\da-f]{64}$/i.test(value) ? [name, value] : this.#pair(name, value);
      }),
    );
  }

  #pair(name: string, value: string): [string, string] {
    if (this.#isSecret(name)) return [WITHHELD, WITHHELD];
    return [name, SECRET_NAME.test(decoded(name)) || this.#isSecret(value) ? WITHHELD : value];
  }

  /** Shown if it has the form that it should have, or not at all. */
  #authorization(header: string): string {
    const [shown = '', accessKeyId = ''] = AUTHORIZATION.exec(header) ?? [];
    return this.#accessKeyIds.has(accessKeyId) && !this.#isSecret(shown) ? shown + WITHHELD : WITHHELD;
  }

  #isSecret(text: string): boolean {
    return [text.toLowerCase(), decoded(text).toLowerCase()].some(
      (form) =>
        SIGNATURE.test(form) ||
        this.#values.some((value) => (value.length < MIN_PART ? form === value : form.includes(value))),
    );
  }
}

/** A text with its escapes read, as far as it has any. */
function decoded(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}
