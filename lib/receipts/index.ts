export type { ReceiptRedis, RtcReceiptOptions } from './receipt-options.js';
export type { ReceiptStatus, WaitForReceiptsOptions } from './receipt.service.js';
export { getReceiptsToken, InjectReceipts, ReceiptService } from './receipt.service.js';
export type { RtcReceiptExtras, RtcReceiptOptionsFactory } from './rtc-receipt.module.js';
export { RtcReceiptModule } from './rtc-receipt.module.js';
