import { canonicalQuery, encodeRfc3986, type NameValue } from '../openapi/signature-v4.js';
import type { RawRequest } from './raw-request.js';

/**
 * The canonical forms that a request may have been signed in: the vendor's SDKs differ in three points, which its pages
 * leave open or which not all of them keep to, so that a verifier takes each.
 * @param signedHeaders names in lower case
 */
export function* canonicalForms(
  request: RawRequest,
  signedHeaders: readonly string[],
  bodySha256: string,
): Iterable<string> {
  const names = [...signedHeaders].sort();
  const host = request.headers.get('host') ?? '';
  const forms = new Set<string>();
  for (const query of queryForms(request.query)) {
    for (const hostForm of names.includes('host') ? hostForms(host) : [host]) {
      for (const spacing of [asItIs, folded]) {
        const lines = names.map((name) => {
          const value = name === 'host' ? hostForm : (request.headers.get(name) ?? '');
          return `${name}:${spacing(value)}`;
        });
        const form = [request.method, request.path, query, ...lines, '', names.join(';'), bodySha256].join(
          '\n',
        );
        if (forms.has(form)) continue;
        forms.add(form);
        yield form;
      }
    }
  }
}

/** The values of one name in their order, as the pages say (Go, Python, Java), or sorted (Node, PHP). */
function queryForms(query: readonly NameValue[]): string[] {
  const encoded = query.map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`);
  return [canonicalQuery(query), encoded.sort().join('&')];
}

/** As it was sent, and with and without a default port: Go, Python and the older Java SDK sign it without. */
function hostForms(host: string): string[] {
  const [, name, port] = /^(.*?)(:\d+)?$/s.exec(host) ?? [];
  if (port === undefined) return [host, `${host}:80`, `${host}:443`];
  return port === ':80' || port === ':443' ? [host, `${name}`] : [host];
}

/** As the pages have it, and the Go, Python and Java SDKs. */
function asItIs(value: string): string {
  return value.trim();
}

/** As the Node and PHP SDKs do. */
function folded(value: string): string {
  return value.trim().replaceAll(/\s+/g, ' ');
}
