import { forwardRef, type ForwardReference } from '@nestjs/common';
import { RtcConfigError } from '../errors/rtc-config.error.js';

/**
 * An import of a module that must not be imported as it is. Nest resolves it before it makes anything, so that this
 * is what the boot fails with, and not whatever misses what the module would have brought.
 */
export function failBareImport(module: string): ForwardReference {
  return forwardRef(() => {
    throw new RtcConfigError([
      {
        option: `${module}.forRoot()`,
        message:
          `was not called: a module imports ${module} as it is. Import ${module}.forRoot(…) or ` +
          `${module}.forRootAsync(…); what another module has registered is used by importing that module, or by ` +
          'setting isGlobal: true there',
      },
    ]);
  });
}
