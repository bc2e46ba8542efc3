export type { ReceiptRedis, RtcReceiptOptions } from './receipt-options.js';
export type { ReceiptStatus, WaitForReceiptsOptions } from './receipt.service.js';
export { getReceiptsToken, InjectReceipts, ReceiptService } from './receipt.service.js';
