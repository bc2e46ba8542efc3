/** What an `Authorization` header says, before anything of it is believed; what it does not say is empty. */
export interface Authorization {
  readonly algorithm: string;
  /** `{access key}/{date}/{region}/{service}/request`, in parts. */
  readonly credential: readonly string[];
  /** Names in lower case. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** Reads as much of a header as there is. */
export function parseAuthorization(header = ''): Authorization {
  const [algorithm = '', rest = ''] = header.split(/\s+(.*)/s, 2);
  const fields = new Map(
    rest.split(',').map((field): [string, string] => {
      const [name = '', value = ''] = field.trim().split(/=(.*)/s, 2);
      return [name, value];
    }),
  );
  return {
    algorithm,
    credential: partsOf(fields.get('Credential'), '/'),
    signedHeaders: partsOf(fields.get('SignedHeaders')?.toLowerCase(), ';'),
    signature: fields.get('Signature') ?? '',
  };
}

function partsOf(text = '', separator: string): string[] {
  return text === '' ? [] : text.split(separator);
}
