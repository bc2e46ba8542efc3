import type { Type } from '@nestjs/common';
import { getMetadataStorage } from 'class-validator';
import { IsRtcId, MayBeLeftOut } from './field.decorators.js';
import { SENDER_FIELD } from './request-schemas.js';

/** A class with the method for which `@nestjs/swagger` looks; see `openApiProperties()`. */
type Documented = Type<object> & { _OPENAPI_METADATA_FACTORY?(): object };

/**
 * A DTO whose callers may name the sender. The DTOs refuse that otherwise, since a caller could speak for anyone.
 * Use it as Nest's `PickType()` and the like, also on what they return.
 *
 * @example
 * class AnnouncementDto extends WithFrom(BatchSendRoomUnicastDto) {}
 */
export function WithFrom<T extends object>(
  dto: Type<T>,
): Type<
  T & {
    /** The sender's ID that clients see. Default: the module's `from`. */
    from?: string | undefined;
  }
> {
  class DtoWithFrom extends (dto as Type<object>) {
    /** @internal */
    static _OPENAPI_METADATA_FACTORY(): object {
      const inherited = (dto as Documented)._OPENAPI_METADATA_FACTORY?.();
      return { ...inherited, from: { ...SENDER_FIELD.schema, required: SENDER_FIELD.required } };
    }
  }
  Object.defineProperty(DtoWithFrom, 'name', { value: `${dto.name}WithFrom` });
  // class-validator reports what is inherited last, and `from` comes after the other fields.
  const rules = getMetadataStorage();
  for (const rule of rules.getTargetValidationMetadatas(dto, '', false, false)) {
    if (rule.propertyName !== 'from') rules.addValidationMetadata({ ...rule, target: DtoWithFrom });
  }
  MayBeLeftOut()(DtoWithFrom.prototype, 'from');
  IsRtcId()(DtoWithFrom.prototype, 'from');
  return DtoWithFrom as unknown as ReturnType<typeof WithFrom<T>>;
}
