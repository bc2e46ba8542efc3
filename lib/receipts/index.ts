export type {
  ReceiptRedis,
  RtcReceiptExtras,
  RtcReceiptOptions,
  RtcReceiptOptionsFactory,
} from './receipt-options.js';
export type { ReceiptStatus } from './receipt-store.js';
export {
  getReceiptsToken,
  InjectReceipts,
  ReceiptService,
  type WaitForReceiptsOptions,
} from './receipt.service.js';
export { RtcReceiptModule } from './rtc-receipt.module.js';
