import { parseAuthorization } from './authenticate.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

/** What is shown in the place of a secret. */
export const WITHHELD = '(withheld)';
/** What has such a name is for no one to see, in a header or a query. */
const SECRET_NAME =
  /authorization|(^|[-_.])auth($|[-_.])|token|signature|secret|cookie|passw|credential|(api|access)[-_.]?key/i;
/** A signature; a hash of a body looks like one. */
const SIGNATURE = /[\da-f]{64}/i;
const BODY_HASH = 'x-content-sha256';
/** A shorter one is looked for as a whole alone, since it may be a part of anything. */
const MIN_PART = 8;
/** A text may have been escaped so often. */
const MAX_DECODINGS = 3;

/** The part of a request that may hold a secret. Its body is what a test wants to see. */
export interface Showable {
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

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

  /** The same, without its secrets. */
  withheldFrom({ url, headers }: Showable): Showable {
    const [path = '', query] = url.split(/\?(.*)/s, 2);
    const shownPath = this.#isSecret(path) ? `/${WITHHELD}` : path;
    const shownHeaders = Object.entries(headers).map(([name, value]) => this.#header(name, value));
    return {
      url: query === undefined ? shownPath : `${shownPath}?${this.#query(query)}`,
      headers: Object.fromEntries(shownHeaders),
    };
  }

  #header(name: string, value: string): [string, string] {
    if (name === 'authorization') return [name, this.#authorization(value)];
    return name === BODY_HASH && /^[\da-f]{64}$/i.test(value) ? [name, value] : this.#pair(name, value);
  }

  #query(query: string): string {
    const parameters = query.split('&').map((parameter) => {
      const [name = '', value] = parameter.split(/=(.*)/s, 2);
      const [shownName, shownValue] = this.#pair(name, value ?? '');
      return value === undefined ? shownName : `${shownName}=${shownValue}`;
    });
    return parameters.join('&');
  }

  #pair(name: string, value: string): [string, string] {
    if (this.#isSecret(name)) return [WITHHELD, WITHHELD];
    const isSecret = decodings(name).some((form) => SECRET_NAME.test(form)) || this.#isSecret(value);
    return [name, isSecret ? WITHHELD : value];
  }

  /** Shown in the form that it should have, or not at all. */
  #authorization(header: string): string {
    const { credential, signedHeaders } = parseAuthorization(header);
    const [accessKeyId = '', ...scope] = credential;
    const scopeText = scope.join('/');
    const names = signedHeaders.join(';');
    const isShown =
      this.#accessKeyIds.has(accessKeyId) &&
      /^\d{8}\/[a-z\d-]{1,64}\/[a-z\d-]{1,64}\/request$/.test(scopeText) &&
      /^[a-z\d;-]+$/.test(names) &&
      !this.#isSecret(scopeText) &&
      !this.#isSecret(names);
    if (!isShown) return WITHHELD;
    return `HMAC-SHA256 Credential=${accessKeyId}/${scopeText}, SignedHeaders=${names}, Signature=${WITHHELD}`;
  }

  #isSecret(text: string): boolean {
    return decodings(text).some(
      (form) =>
        SIGNATURE.test(form) ||
        this.#values.some((value) => (value.length < MIN_PART ? form === value : form.includes(value))),
    );
  }
}

/** A text in lower case, as it is and with its escapes read. */
function decodings(text: string): string[] {
  const forms = [text.toLowerCase()];
  if (!text.includes('%')) return forms;
  for (let form = text; forms.length <= MAX_DECODINGS;) {
    const next = form.replaceAll(/(?:%[\da-f]{2})+/gi, (run) =>
      Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
    );
    if (next === form) break;
    forms.push(next.toLowerCase());
    form = next;
  }
  return forms;
}
