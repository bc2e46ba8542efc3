import { createHmac, hash } from 'node:crypto';
import { ApiError, check } from './http-error.js';
import type { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

// Written from the vendor's pages alone, and not with the library's own signing code, so that one checks the other.

const ALGORITHM = 'HMAC-SHA256';
const SERVICE = 'rtc';
/** A signature is good for 15 minutes around the server's clock (`X-Expires`, 6348/1178321). */
const VALIDITY_MS = 15 * 60_000;

/** The latest signing key of each account: there is a new one each day. */
const SIGNING_KEYS = new WeakMap<EmulatorAccount, { readonly scope: string; readonly key: Buffer }>();

/** @throws ApiError for a header that lacks something, or has it in another form */
function readAuthorization(header: string) {
  const [algorithm = '', rest = ''] = header.split(/\s+(.*)/s, 2);
  const fields = new Map(
    rest.split(',').map((field): [string, string] => {
      const [name = '', value = ''] = field.trim().split(/=(.*)/s, 2);
      return [name, value];
    }),
  );
  check(algorithm === ALGORITHM, 'InvalidAuthorization', `The algorithm must be ${ALGORITHM}.`);
  const signature = fields.get('Signature');
  check(signature, 'MissingSignature', 'Authorization has no Signature.');
  const credential = fields.get('Credential')?.split('/') ?? [];
  const signedHeaders = fields.get('SignedHeaders')?.toLowerCase().split(';') ?? [];
  const isWhole = credential.join('') && signedHeaders.join('');
  check(isWhole, 'InvalidAuthorization', 'Authorization must have Credential and SignedHeaders.');
  // What is signed is then no longer than the request itself.
  const isOnce = new Set(signedHeaders).size === signedHeaders.length;
  check(isOnce, 'InvalidAuthorization', 'SignedHeaders must name each header once.');
  const [accessKeyId, date, region, service, ...end] = credential;
  const hasAll = accessKeyId && date && region && service;
  check(hasAll, 'MissingRequestInfo', 'Credential lacks the access key, date, region or service.');
  const form = '{access key}/{date}/{region}/{service}/request';
  check(end.join('/') === 'request', 'InvalidCredential', `Credential must be ${form}.`);
  return { accessKeyId, date, service, scope: credential.slice(1).join('/'), signedHeaders, signature };
}

/** The region that a request names in its credential, as far as it can be read. */
export function regionOf(headers: ReceivedRequest['headers']): string | undefined {
  const region = /[\s,]Credential=[^/,\s]*\/[^/,\s]*\/([a-z\d-]{1,64})(?![^/,\s])/;
  return region.exec(headers.get('authorization') ?? '')?.[1];
}

/**
 * Authenticates a request from its contents alone.
 * @param now milliseconds since the epoch
 * @throws ApiError with the gateway's code
 */
export function authenticate(
  request: ReceivedRequest,
  accounts: readonly EmulatorAccount[],
  now: number,
): EmulatorAccount {
  const { headers, body } = request;
  const header = headers.get('authorization');
  check(header !== undefined, 'MissingAuthenticationToken', 'There is no Authorization header.');
  const { accessKeyId, date, service, scope, signedHeaders, signature } = readAuthorization(header);

  const xDate = headers.get('x-date');
  check(xDate !== undefined, 'MissingRequestInfo', 'There is no X-Date header.');
  check(service === SERVICE, 'ServiceNotFound', 'The credential names another service.');
  const account = accounts.find(({ credentials }) => credentials.accessKeyId === accessKeyId);
  check(account !== undefined, 'InvalidAccessKey', 'The access key is unknown.');
  checkTime(xDate, date, now);
  checkToken(headers.get('x-security-token'), account, now);

  const bodySha256 = sha256(body);
  const claimed = headers.get('x-content-sha256') ?? bodySha256;
  check(claimed === bodySha256, 'SignatureDoesNotMatch', 'X-Content-Sha256 is not that of the body.');
  // What is signed is for the client to name: some of the vendor's SDKs sign nothing but X-Date.
  const key = signingKey(account, scope);
  for (const canonical of canonicalForms(request, signedHeaders, bodySha256)) {
    const toSign = [ALGORITHM, xDate, scope, sha256(canonical)].join('\n');
    if (hmac(key, toSign).toString('hex') === signature) return account;
  }
  throw new ApiError('SignatureDoesNotMatch', 'The signature does not match the request.');
}

function signingKey(account: EmulatorAccount, scope: string): Buffer {
  const known = SIGNING_KEYS.get(account);
  if (known?.scope === scope) return known.key;
  const key = scope.split('/').reduce(hmac, Buffer.from(account.credentials.secretAccessKey));
  SIGNING_KEYS.set(account, { scope, key });
  return key;
}

function checkTime(xDate: string, date: string | undefined, now: number): void {
  const iso = xDate.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5');
  const time = iso === xDate ? Number.NaN : Date.parse(iso);
  check(!Number.isNaN(time), 'InvalidTimestamp', 'X-Date must be YYYYMMDDTHHMMSSZ.');
  const isNear = Math.abs(now - time) <= VALIDITY_MS;
  check(isNear, 'InvalidTimestamp', 'X-Date is more than 15 minutes from the time here.');
  check(xDate.slice(0, 8) === date, 'InvalidCredential', 'Credential and X-Date differ in the date.');
}

function checkToken(token = '', { credentials }: EmulatorAccount, now: number): void {
  const { sessionToken = '', expiration } = credentials;
  check(token === sessionToken, 'InvalidSecretToken', 'X-Security-Token is not that of the access key.');
  const isGood = expiration === undefined || now < new Date(expiration).getTime();
  check(isGood, 'InvalidSecretToken', 'The temporary credentials have expired.');
}

/**
 * The canonical forms that a request may have been signed in: the vendor's SDKs differ in three points, which its pages
 * leave open or which not all of them keep to, so that a verifier takes each. At most twelve, each about as long as the
 * request's head.
 * @param signedHeaders names in lower case, each once
 */
function* canonicalForms(
  { method, path, query, headers }: ReceivedRequest,
  signedHeaders: readonly string[],
  bodySha256: string,
): Iterable<string> {
  const names = [...signedHeaders].sort();
  const hosts = names.includes('host') ? hostForms(headers.get('host') ?? '') : [''];
  const queries = queryForms(query);
  const asSent = (name: string): string => (headers.get(name) ?? '').trim();
  // As the Node and PHP SDKs do; those for Go, Python and Java leave a value as it is.
  const folded = (name: string): string => asSent(name).replaceAll(/\s+/g, ' ');
  const blocks = [asSent, folded].flatMap((valueOf) =>
    hosts.map((host) => names.map((name) => `${name}:${name === 'host' ? host : valueOf(name)}\n`).join('')),
  );
  for (const block of new Set(blocks)) {
    for (const queryText of queries) {
      yield [method, path, queryText, block, names.join(';'), bodySha256].join('\n');
    }
  }
}

/** Sorted by name, the values of one name in their order, as the pages say (Go, Python, Java), or sorted (Node, PHP). */
function queryForms(query: URLSearchParams): ReadonlySet<string> {
  const inOrder = new URLSearchParams(query);
  inOrder.sort();
  const encoded = Array.from(inOrder, (pair) => pair.map(encodeRfc3986).join('='));
  return new Set([encoded.join('&'), encoded.toSorted().join('&')]);
}

/** As it was sent, and with and without a default port: Go, Python and the older Java SDK sign it without. */
function hostForms(host: string): string[] {
  const [, name = '', port] = /^(.*?)(:\d+)?$/s.exec(host) ?? [];
  if (port === undefined) return [host, `${host}:80`, `${host}:443`];
  return port === ':80' || port === ':443' ? [host, name] : [host];
}

/** Everything but letters, digits and `-_.~` is escaped. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: string | Buffer): string {
  return hash('sha256', data, 'hex');
}
