import { generate } from 'selfsigned';

/** A self-signed certificate for loopback by its address, or by a name, and its private key. */
export async function certificate(
  name?: string,
  notAfterDate?: Date,
): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keySize: 2_048,
    ...(notAfterDate && { notBeforeDate: new Date(0), notAfterDate }),
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [name === undefined ? { type: 7, ip: '127.0.0.1' } : { type: 2, value: name }],
      },
    ],
  });
  return { key, cert };
}
