import { canonicalQuery, encodeRfc3986, type NameValue } from '../openapi/signature-v4.js';
import type { RawRequest } from './raw-request.js';

/**
 * The canonical forms that a request may have been signed in: the vendor's SDKs differ in three points, which its pages
 * leave open or which not all of them keep to, so that a verifier takes each. At most twelve, one at a time, and each
 * about as long as the request's head.
 * @param signedHeaders names in lower case, each once
 */
export function* canonicalForms(
  request: RawRequest,
  signedHeaders: readonly string[],
  bodySha256: string,
): Iterable<string> {
  const names = [...signedHeaders].sort();
  const values = names.map((name) => (request.headers.get(name) ?? '').trim());
  const end = ['', names.join(';'), bodySha256].join('\n');
  const queries = queryForms(request.query);
  for (const spaced of distinct([values, values.map(folded)])) {
    for (const host of names.includes('host') ? hostForms(request.headers.get('host') ?? '') : ['']) {
      const lines = names.map((name, index) => `${name}:${name === 'host' ? host : spaced[index]}`);
      for (const query of queries) {
        yield [request.method, request.path, query, ...lines, end].join('\n');
      }
    }
  }
}

/** The values of one name in their order, as the pages say (Go, Python, Java), or sorted (Node, PHP). */
function queryForms(query: readonly NameValue[]): readonly string[] {
  const encoded = query.map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`);
  return distinct([canonicalQuery(query), encoded.sort().join('&')]);
}

/** As it was sent, and with and without a default port: Go, Python and the older Java SDK sign it without. */
function hostForms(host: string): string[] {
  const [, name, port] = /^(.*?)(:\d+)?$/s.exec(host) ?? [];
  if (port === undefined) return [host, `${host}:80`, `${host}:443`];
  return port === ':80' || port === ':443' ? [host, `${name}`] : [host];
}

/** As the Node and PHP SDKs do; those for Go, Python and Java leave a value as it is. */
function folded(value: string): string {
  return value.replaceAll(/\s+/g, ' ');
}

function distinct<T>([one, other]: readonly [T, T]): readonly T[] {
  return String(one) === String(other) ? [one] : [one, other];
}
