import { Inject, type InjectionToken } from '@nestjs/common';
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
export function getRoomUnicastToken(name?: string): InjectionToken<RoomUnicastService> {
  return tokenOf(RoomUnicastService, 'room-unicast', name);
}

/**
 * The injection token of a {@link RoomBroadcastService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export function getRoomBroadcastToken(name?: string): InjectionToken<RoomBroadcastService> {
  return tokenOf(RoomBroadcastService, 'room-broadcast', name);
}

/**
 * The injection token of a {@link UserUnicastService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export function getUserUnicastToken(name?: string): InjectionToken<UserUnicastService> {
  return tokenOf(UserUnicastService, 'user-unicast', name);
}

/**
 * The injection token of an {@link RtcHealthIndicator}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export function getRtcHealthToken(name?: string): InjectionToken<RtcHealthIndicator> {
  return tokenOf(RtcHealthIndicator, 'health', name);
}

/**
 * Injects the {@link RoomUnicastService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export function InjectRoomUnicast(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getRoomUnicastToken(name));
}

/**
 * Injects the {@link RoomBroadcastService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export function InjectRoomBroadcast(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getRoomBroadcastToken(name));
}

/**
 * Injects the {@link UserUnicastService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export function InjectUserUnicast(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getUserUnicastToken(name));
}

/**
 * Injects the {@link RtcHealthIndicator} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export function InjectRtcHealth(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getRtcHealthToken(name));
}

/**
 * The injection token of an {@link RtcTokenService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export function getRtcTokensToken(name?: string): InjectionToken<RtcTokenService> {
  return tokenOf(RtcTokenService, 'tokens', name);
}

/**
 * Injects the {@link RtcTokenService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export function InjectRtcTokens(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getRtcTokensToken(name));
}

/**
 * The injection token of an {@link RtcOpenApiService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export function getRtcOpenApiToken(name?: string): InjectionToken<RtcOpenApiService> {
  return tokenOf(RtcOpenApiService, 'open-api', name);
}

/**
 * The injection token of a {@link RoomPresenceService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export function getRoomPresenceToken(name?: string): InjectionToken<RoomPresenceService> {
  return tokenOf(RoomPresenceService, 'room-presence', name);
}

/**
 * Injects the {@link RtcOpenApiService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export function InjectRtcOpenApi(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getRtcOpenApiToken(name));
}

/**
 * Injects the {@link RoomPresenceService} of the module with this `name`; without one, as by its class. That is so with
 * `undefined` too, as with Nest's own: a name that is read from elsewhere must be there when the class is made.
 */
export function InjectRoomPresence(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getRoomPresenceToken(name));
}

/** A string where there is a name, since an ES module copy and a CommonJS copy of this package may be loaded. */
function tokenOf<T>(service: InjectionToken<T>, kind: string, name: string | undefined): InjectionToken<T> {
  return name === undefined ? service : `nestjs-rtc-messaging:${kind}:${name}`;
}
