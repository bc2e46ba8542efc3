/** The two fields in which the remote API carries a message. */
export interface WireMessage {
  readonly Binary: boolean;
  readonly Message: string;
}

/** Brings a checked message into the remote API's form: bytes become base64, a string stays as it is. */
export function toWireMessage(message: string | Uint8Array, binary: boolean | undefined): WireMessage {
  if (typeof message === 'string') return { Binary: binary ?? false, Message: message };
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  return { Binary: true, Message: bytes.toString('base64') };
}
