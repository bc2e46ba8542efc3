export { rtcMessagingConfig } from './config/rtc-messaging.config.js';
export type * from './config/rtc-messaging-options.js';
export type { RtcControllerOptions } from './controllers/controller-options.js';
export { type RtcErrorBody, RtcExceptionFilter } from './controllers/rtc-exception.filter.js';
export type {
  RtcCredentials,
  RtcCredentialsOption,
  RtcCredentialsProvider,
} from './credentials/credentials.js';
export type { CredentialsStatus } from './credentials/credentials-source.js';
export type { RtcChannelName } from './diagnostics/channels.js';
export type * from './diagnostics/fan-out-counts.js';
export type * from './diagnostics/rtc-event.js';
export * from './dto/requests.dto.js';
export type { OpenApiQueryValue, OpenApiRequest } from './dto/check-api-request.js';
export { WithFrom } from './dto/request-rules.js';
export type * from './errors/attempt.js';
export { RtcAbortedError } from './errors/rtc-aborted.error.js';
export { RtcApiError, type RtcApiErrorInit } from './errors/rtc-api.error.js';
export * from './errors/rtc-config.error.js';
export {
  type RtcErrorCode,
  RtcMessagingError,
  type RtcMessagingErrorInit,
} from './errors/rtc-messaging.error.js';
export { RtcNetworkError } from './errors/rtc-network.error.js';
export { RtcQuotaError } from './errors/rtc-quota.error.js';
export { RtcTimeoutError } from './errors/rtc-timeout.error.js';
export { RtcValidationError, type ValidationIssue } from './errors/rtc-validation.error.js';
export type { FanOutEstimate } from './fan-out/estimate-fan-out.js';
export type * from './fan-out/fan-out-report.js';
export type { FanOutOptions, FanOutRequest, SendEachOptions } from './fan-out/fan-out-request.js';
export type { RtcFailureKind } from './health/health-record.js';
export type * from './health/rtc-health.js';
export { RtcHealthIndicator } from './health/rtc-health.indicator.js';
export type { RtcActionName } from './openapi/rtc-action.js';
export type { RtcAxiosRef } from './openapi/api-request.js';
export type { RoomOnlineUsers, UserStatus } from './presence/read-presence.js';
export type { QuotaUsage } from './quota/quota-usage.js';
export type {
  HeldPermits,
  PermitDemand,
  PermitSource,
  QuotaScope,
  QuotaStatus,
  QuotaStatusChange,
  QuotaStore,
} from './quota/quota-store.js';
export type { OnUnknown } from './retry/call-policy.js';
export type { RtcMessagingExtras } from './rtc-messaging.module-definition.js';
export { RtcMessagingModule } from './rtc-messaging.module.js';
export { RoomBroadcastService } from './services/room-broadcast.service.js';
export { RoomPresenceService } from './services/room-presence.service.js';
export { RoomUnicastService } from './services/room-unicast.service.js';
export { RtcOpenApiService } from './services/rtc-open-api.service.js';
export * from './services/rtc-token.service.js';
export type { OpenApiOptions, SendOptions } from './services/send-options.js';
export type * from './services/send-receipt.js';
export {
  getRoomBroadcastToken,
  getRoomPresenceToken,
  getRoomUnicastToken,
  getRtcHealthToken,
  getRtcOpenApiToken,
  getRtcTokensToken,
  getUserUnicastToken,
  InjectRoomBroadcast,
  InjectRoomPresence,
  InjectRoomUnicast,
  InjectRtcHealth,
  InjectRtcOpenApi,
  InjectRtcTokens,
  InjectUserUnicast,
} from './services/service-tokens.js';
export { UserUnicastService } from './services/user-unicast.service.js';
export type { TokenPrivilege } from './tokens/client-token.js';
export type { MockedMethods, RtcMessagingMocks } from './testing/create-mocks.js';
export * from './testing/rtc-messaging-testing.module.js';
