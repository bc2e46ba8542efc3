import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type ReceivedRequest, startScriptedServer } from './scripted-server.js';

/** An event as the service posts it. */
export type EventFields = Readonly<Record<string, string>>;

/** A plain HTTP server that is told of events, and is sent the messages of clients. */
export async function startBusinessServer(
  answer: (response: ServerResponse, request: ReceivedRequest, index: number) => void = (response) =>
    response.end(),
) {
  let count = 0;
  const server = await startScriptedServer((response, request) => answer(response, request, count++));
  const eventsOf = (): EventFields[] => server.received.map(({ body }) => JSON.parse(body) as EventFields);
  return {
    ...server,
    /** The events that came, in that order. */
    get events(): readonly EventFields[] {
      return eventsOf();
    },
    /** Their types and users, as `UserJoinRoom alice`. */
    get stories(): readonly string[] {
      return eventsOf().map(({ EventType, EventData = '' }) => {
        const { UserId } = JSON.parse(EventData) as { UserId?: string };
        return UserId === undefined ? `${EventType}` : `${EventType} ${UserId}`;
      });
    },
  };
}

/** The vendor's rule, by this test's own hand: all values and the secret, sorted and joined. */
export function isSignedWith(secret: string, { Signature, ...fields }: EventFields): boolean {
  const values = ['EventType', 'EventData', 'EventTime', 'EventId', 'AppId', 'Version', 'Nonce'].map(
    (name) => fields[name] ?? '',
  );
  return (
    createHash('sha256')
      .update([...values, secret].sort().join(''))
      .digest('hex') === Signature
  );
}
