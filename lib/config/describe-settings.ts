import { isLoopback } from '../openapi/loopback.js';
import type { RtcMessagingSettings } from './settings.js';

/** Where messages will go, and as whose: for the log, when the app boots. */
export function describeSettings({
  appId,
  endpoint,
  from,
  region,
}: Pick<RtcMessagingSettings, 'appId' | 'endpoint' | 'from' | 'region'>): string {
  const { host, hostname } = new URL(endpoint);
  const emulator = isLoopback(hostname) ? ', on this machine: an emulator, unless a proxy listens there' : '';
  const sender = from === undefined ? 'with no default sender' : `from ${from}`;
  return `Messages go to ${host} (region ${region}${emulator}) as app ${appId}, ${sender}.`;
}
