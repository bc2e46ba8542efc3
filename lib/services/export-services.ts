import type { ClassProvider, InjectionToken } from '@nestjs/common';
import { RtcHealthIndicator } from '../health/rtc-health.indicator.js';
import { RoomBroadcastService } from './room-broadcast.service.js';
import { RoomPresenceService } from './room-presence.service.js';
import { RtcOpenApiService } from './rtc-open-api.service.js';
import { RoomUnicastService } from './room-unicast.service.js';
import {
  getRoomBroadcastToken,
  getRoomPresenceToken,
  getRoomUnicastToken,
  getRtcHealthToken,
  getRtcOpenApiToken,
  getRtcTokensToken,
  getUserUnicastToken,
} from './service-tokens.js';
import { RtcTokenService } from './rtc-token.service.js';
import { UserUnicastService } from './user-unicast.service.js';

/** The services of a module, under the tokens by which the rest of the app injects them. */
export function exportServices(name: string | undefined): {
  readonly providers: ClassProvider[];
  readonly exports: InjectionToken[];
} {
  const services = [
    { service: RoomUnicastService, token: getRoomUnicastToken(name) },
    { service: RoomBroadcastService, token: getRoomBroadcastToken(name) },
    { service: UserUnicastService, token: getUserUnicastToken(name) },
    { service: RoomPresenceService, token: getRoomPresenceToken(name) },
    { service: RtcOpenApiService, token: getRtcOpenApiToken(name) },
    { service: RtcTokenService, token: getRtcTokensToken(name) },
    { service: RtcHealthIndicator, token: getRtcHealthToken(name) },
  ];
  return {
    // Under its token alone: by the class, `app.get()` would find one of several.
    providers: services.map(({ service, token }) => ({ provide: token, useClass: service })),
    exports: services.map(({ token }) => token),
  };
}
