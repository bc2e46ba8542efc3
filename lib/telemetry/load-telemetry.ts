import type * as OpenTelemetryApi from '@opentelemetry/api';
import { isNotInstalled } from '../config/optional-package.js';
import { isError } from '../errors/thrown.js';
import type { TelemetryClient } from './attributes.js';
import { NO_TELEMETRY, type Telemetry } from './telemetry.js';

/**
 * Telemetry, if OpenTelemetry's API is installed. A missing package is no error. Any other failure to load it is
 * logged.
 */
export async function loadTelemetry(
  client: TelemetryClient,
  warn: (problem: string) => void,
  load?: () => Promise<typeof OpenTelemetryApi>,
): Promise<Telemetry> {
  try {
    // Within the try, which is where bundlers see that the package may be missing.
    const api = load === undefined ? await import('@opentelemetry/api') : await load();
    const { createTelemetry } = await import('./create-telemetry.js');
    return createTelemetry(api, client);
  } catch (error) {
    if (!isNotInstalled(error, '@opentelemetry/api'))
      warn(`Telemetry is off: @opentelemetry/api can't be used (${describe(error)}).`);
    return NO_TELEMETRY;
  }
}

function describe(error: unknown): string {
  return isError(error) ? (error.message.split('\n', 1)[0] ?? error.name) : typeof error;
}
