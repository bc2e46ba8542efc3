import { timingSafeEqual } from 'node:crypto';
import { ALGORITHM, scopeText, sha256Hex, signText } from '../openapi/signature-v4.js';
import type { SigningKeyCache } from '../openapi/signature-v4.js';
import type { EmulatorAccount } from './account.js';
import { ApiError } from './api-error.js';
import { type Authorization, parseAuthorization } from './authorization.js';
import { canonicalForms } from './canonical-forms.js';
import type { RawRequest, RequestHead } from './raw-request.js';

/** A signature is good for 15 minutes around the server's clock (`X-Expires`, 6348/1178321). */
const VALIDITY_MS = 15 * 60_000;
const SERVICE = 'rtc';

/**
 * Finds out who sent a request, from nothing but the request.
 * @param now milliseconds since the epoch
 * @throws ApiError with the gateway's code
 */
export function authenticate(
  request: RawRequest,
  accounts: readonly EmulatorAccount[],
  now: number,
  keys: SigningKeyCache,
): EmulatorAccount {
  const header = request.headers.get('authorization');
  if (header === undefined)
    throw new ApiError('MissingAuthenticationToken', 'There is no Authorization header.');
  const { credential, signedHeaders, signature } = checkedAuthorization(header);
  const { accessKeyId, date, region, service } = readCredential(credential);

  const xDate = request.headers.get('x-date');
  if (xDate === undefined) throw new ApiError('MissingRequestInfo', 'There is no X-Date header.');
  if (service !== SERVICE) throw new ApiError('ServiceNotFound', 'The credential names another service.');

  const account = accounts.find(({ credentials }) => credentials.accessKeyId === accessKeyId);
  if (account === undefined) throw new ApiError('InvalidAccessKey', 'The access key is unknown.');

  checkTime(xDate, date, now);
  checkToken(request, account, now);
  const bodySha256 = sha256Hex(request.body);
  const claimed = request.headers.get('x-content-sha256');
  if (claimed !== undefined && claimed !== bodySha256) {
    throw new ApiError('SignatureDoesNotMatch', 'X-Content-Sha256 is not that of the body.');
  }

  const scope = { date, region, service };
  const key = keys.get(account.credentials.secretAccessKey, scope);
  // What is signed is for the client to name: some of the vendor's SDKs sign nothing but X-Date.
  for (const canonical of canonicalForms(request, signedHeaders, bodySha256)) {
    if (sameText(signText(canonical, xDate, scopeText(scope), key), signature)) return account;
  }
  throw new ApiError('SignatureDoesNotMatch', 'The signature does not match the request.');
}

/** The region that a request names in its credential, as far as it can be read. */
export function regionOf(request: RequestHead): string | undefined {
  const [, , region = ''] = parseAuthorization(request.headers.get('authorization')).credential;
  return /^[a-z\d-]{1,64}$/.test(region) ? region : undefined;
}

function checkedAuthorization(header: string): Authorization {
  const authorization = parseAuthorization(header);
  const { algorithm, credential, signedHeaders, signature } = authorization;
  if (algorithm !== ALGORITHM)
    throw new ApiError('InvalidAuthorization', `The algorithm must be ${ALGORITHM}.`);
  if (!signature) throw new ApiError('MissingSignature', 'Authorization has no Signature.');
  if (credential.length === 0 || signedHeaders.length === 0) {
    throw new ApiError('InvalidAuthorization', 'Authorization must have Credential and SignedHeaders.');
  }
  // What is signed is then no longer than the request itself.
  if (new Set(signedHeaders).size < signedHeaders.length) {
    throw new ApiError('InvalidAuthorization', 'SignedHeaders must name each header once.');
  }
  return authorization;
}

function readCredential(parts: readonly string[]): {
  accessKeyId: string;
  date: string;
  region: string;
  service: string;
} {
  const [accessKeyId, date, region, service, suffix, ...more] = parts;
  if (!accessKeyId || !date || !region || !service) {
    throw new ApiError('MissingRequestInfo', 'Credential lacks the access key, date, region or service.');
  }
  if (suffix !== 'request' || more.length > 0) {
    throw new ApiError(
      'InvalidCredential',
      'Credential must be {access key}/{date}/{region}/{service}/request.',
    );
  }
  return { accessKeyId, date, region, service };
}

function checkTime(xDate: string, date: string, now: number): void {
  const iso = xDate.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5');
  const time = iso === xDate ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(time)) throw new ApiError('InvalidTimestamp', 'X-Date must be YYYYMMDDTHHMMSSZ.');
  if (Math.abs(now - time) > VALIDITY_MS) {
    throw new ApiError('InvalidTimestamp', 'X-Date is more than 15 minutes from the time here.');
  }
  if (xDate.slice(0, 8) !== date)
    throw new ApiError('InvalidCredential', 'Credential and X-Date differ in the date.');
}

function checkToken(request: RawRequest, { credentials }: EmulatorAccount, now: number): void {
  const token = request.headers.get('x-security-token');
  if ((token ?? '') !== (credentials.sessionToken ?? '')) {
    throw new ApiError('InvalidSecretToken', 'X-Security-Token is not that of the access key.');
  }
  const { expiration } = credentials;
  if (expiration !== undefined && now >= new Date(expiration).getTime()) {
    throw new ApiError('InvalidSecretToken', 'The temporary credentials have expired.');
  }
}

function sameText(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}
