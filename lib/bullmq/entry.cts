// What `require` finds, with the types of `index`; see entry.mts.
import type * as Entry from './index.js' with { 'resolution-mode': 'require' };

function load(): typeof Entry {
  try {
    return require('./index.js') as typeof Entry;
  } catch (error) {
    const { explainMissingPeer } = require('./missing-peer.js') as {
      explainMissingPeer(error: unknown): unknown;
    };
    throw explainMissingPeer(error);
  }
}

module.exports = load();
