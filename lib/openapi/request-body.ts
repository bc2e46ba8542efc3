/** A request's body, and the number of users in its `To`: undefined for a broadcast. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly recipients: number | undefined;
}

type Recipients = string | readonly string[];

/**
 * @param address the fields before `To`, one of them set
 * @param to valid user IDs, which need no escaping
 * @param message the fields after `To`, one of them set
 */
export function requestBody(address: object, to: Recipients | undefined, message: object): RequestBody {
  const [head, tail] = partsOf(address, message);
  const list = to === undefined ? '' : `,"To":${listOf(to)}`;
  const recipients = typeof to === 'string' ? 1 : to?.length;
  return { bytes: Buffer.from(`${head}${list}${tail}`), recipients };
}

/**
 * Prepares the bytes that all requests of a fan-out share.
 * @returns a function that makes a body for a list of recipients. Otherwise like {@link requestBody}.
 */
export function bodyTemplate(address: object, message: object): (to: readonly string[]) => RequestBody {
  const parts = partsOf(address, message);
  const head = Buffer.from(`${parts[0]},"To":`);
  const tail = Buffer.from(parts[1]);
  return (to) => ({
    bytes: Buffer.concat([head, Buffer.from(listOf(to), 'latin1'), tail]),
    recipients: to.length,
  });
}

/** The JSON of both, before and after `To`. */
function partsOf(address: object, message: object): [head: string, tail: string] {
  return [JSON.stringify(address).slice(0, -1), `,${JSON.stringify(message).slice(1)}`];
}

/** Joining 600 IDs takes half the time of `JSON.stringify()`. */
function listOf(to: Recipients): string {
  if (typeof to === 'string') return `"${to}"`;
  return to.length === 0 ? '[]' : `["${to.join('","')}"]`;
}
