import type { ClassProvider, Type } from '@nestjs/common';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import { RtcHealthIndicator } from '../health/rtc-health.indicator.js';
import { RoomBroadcastService } from './room-broadcast.service.js';
import { RoomPresenceService } from './room-presence.service.js';
import { RtcOpenApiService } from './rtc-open-api.service.js';
import { RoomUnicastService } from './room-unicast.service.js';
import { RtcTokenService } from './rtc-token.service.js';
import { UserUnicastService } from './user-unicast.service.js';

/**
 * The injection token of a {@link RoomUnicastService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getRoomUnicastToken = tokenOf(RoomUnicastService, 'room-unicast');

/**
 * The injection token of a {@link RoomBroadcastService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getRoomBroadcastToken = tokenOf(RoomBroadcastService, 'room-broadcast');

/**
 * The injection token of a {@link UserUnicastService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getUserUnicastToken = tokenOf(UserUnicastService, 'user-unicast');

/**
 * The injection token of a {@link RoomPresenceService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getRoomPresenceToken = tokenOf(RoomPresenceService, 'room-presence');

/**
 * The injection token of an {@link RtcOpenApiService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getRtcOpenApiToken = tokenOf(RtcOpenApiService, 'open-api');

/**
 * The injection token of an {@link RtcTokenService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getRtcTokensToken = tokenOf(RtcTokenService, 'tokens');

/**
 * The injection token of an {@link RtcHealthIndicator}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getRtcHealthToken = tokenOf(RtcHealthIndicator, 'health');

/**
 * Injects the {@link RoomUnicastService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export const InjectRoomUnicast = injectBy(getRoomUnicastToken);

/**
 * Injects the {@link RoomBroadcastService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export const InjectRoomBroadcast = injectBy(getRoomBroadcastToken);

/**
 * Injects the {@link UserUnicastService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export const InjectUserUnicast = injectBy(getUserUnicastToken);

/**
 * Injects the {@link RoomPresenceService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export const InjectRoomPresence = injectBy(getRoomPresenceToken);

/**
 * Injects the {@link RtcOpenApiService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export const InjectRtcOpenApi = injectBy(getRtcOpenApiToken);

/**
 * Injects the {@link RtcTokenService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export const InjectRtcTokens = injectBy(getRtcTokensToken);

/**
 * Injects the {@link RtcHealthIndicator} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export const InjectRtcHealth = injectBy(getRtcHealthToken);

/** The tokens of all services, by what `RtcMessagingTestingModule` calls them. */
export const SERVICE_TOKENS = {
  roomUnicast: getRoomUnicastToken,
  roomBroadcast: getRoomBroadcastToken,
  userUnicast: getUserUnicastToken,
  presence: getRoomPresenceToken,
  openApi: getRtcOpenApiToken,
  tokens: getRtcTokensToken,
  health: getRtcHealthToken,
} as const;

/** The services of a module, under the tokens by which the rest of the app injects them. */
export function servicesOf(name: string | undefined): ClassProvider[] {
  // Under its token alone: by the class, `app.get()` would find one of several. Without a name, the token is the class.
  return Object.values(SERVICE_TOKENS).map((token) => ({ provide: token(name), useClass: token() as Type }));
}
