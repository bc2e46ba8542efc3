// What `require` finds, with the types of `index`; see entry.mts.
import type * as OptionalPackage from '../config/optional-package.js' with { 'resolution-mode': 'require' };
import type * as Entry from './index.js' with { 'resolution-mode': 'require' };

function load(): typeof Entry {
  try {
    return require('./index.js') as typeof Entry;
  } catch (error) {
    const { explainMissingPeer } = require('../config/optional-package.js') as typeof OptionalPackage;
    throw explainMissingPeer(error, 'nestjs-rtc-messaging/redis', ['ioredis']);
  }
}

module.exports = load();
