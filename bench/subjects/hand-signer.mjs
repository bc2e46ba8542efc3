// The vendor's signature as a careful programmer would write it by hand for one request: the signing key kept for
// the day, the canonical request from a template, everything from node:crypto.
import * as crypto from 'node:crypto';

const REGION = 'cn-north-1';
const SIGNED = 'content-type;host;x-content-sha256;x-date';

/** @returns a function that gives the headers to send with a body */
export function createHandSigner({ accessKeyId, secretAccessKey }, host, query) {
  let day = '';
  let key;
  return (body) => {
    const now = new Date().toISOString();
    const xDate = `${now.slice(0, 4)}${now.slice(5, 7)}${now.slice(8, 13)}${now.slice(14, 16)}${now.slice(17, 19)}Z`;
    const date = xDate.slice(0, 8);
    if (date !== day) {
      key = [date, REGION, 'rtc', 'request'].reduce((secret, part) => hmac(secret, part), secretAccessKey);
      day = date;
    }
    const sha256 = crypto.hash('sha256', body);
    const canonical =
      `POST\n/\n${query}\ncontent-type:application/json\nhost:${host}\nx-content-sha256:${sha256}\n` +
      `x-date:${xDate}\n\n${SIGNED}\n${sha256}`;
    const scope = `${date}/${REGION}/rtc/request`;
    const toSign = `HMAC-SHA256\n${xDate}\n${scope}\n${crypto.hash('sha256', canonical)}`;
    const signature = crypto.createHmac('sha256', key).update(toSign).digest('hex');
    return {
      'Content-Type': 'application/json',
      Host: host,
      'X-Content-Sha256': sha256,
      'X-Date': xDate,
      Authorization: `HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${SIGNED}, Signature=${signature}`,
    };
  };
}

function hmac(key, text) {
  return crypto.createHmac('sha256', key).update(text).digest();
}
