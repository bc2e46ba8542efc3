import { rememberedInTab } from './stored.js';

const STORED = 'console-key';

/** What the address's fragment carries: servers never see it. */
export function readFragment() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const key = parameters.get('key');
  if (key !== null) rememberedInTab.set(STORED, key);
  // The key is not left where it can be read over a shoulder, or copied with the address.
  if (location.hash !== '') history.replaceState(null, '', location.pathname);
  return {
    room: parameters.get('room'),
    join: (parameters.get('join') ?? '').split(',').filter((userId) => userId !== ''),
  };
}

/** The key, for as long as the tab is open. */
export function accessKey() {
  return rememberedInTab.get(STORED);
}

/** @param {string} key */
export function setAccessKey(key) {
  rememberedInTab.set(STORED, key);
}

export function forgetAccessKey() {
  rememberedInTab.remove(STORED);
}
