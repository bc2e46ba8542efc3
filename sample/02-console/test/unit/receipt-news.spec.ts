import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { channel } from 'node:diagnostics_channel';
import { ReceiptNewsService } from '../../src/console/receipts/receipt-news.service.js';

describe('the news of receipts', () => {
  const receipts = channel('nestjs-rtc-messaging:receipt');
  let news: ReceiptNewsService;

  const publish = (messageId: string, userId: string, delayMs?: number): void =>
    receipts.publish({
      type: 'receipt',
      module: 'default',
      messageId,
      userId,
      ...(delayMs === undefined ? { status: 'repeated' } : { status: 'confirmed', delayMs }),
    });

  beforeEach(() => {
    news = new ReceiptNewsService();
    news.onModuleInit();
  });
  afterEach(() => news.onModuleDestroy());

  it('leave out receipts that were refused, or came before', () => {
    const told: object[] = [];
    news.news.subscribe((each) => told.push(each));
    publish('a', 'alice', 0);
    publish('a', 'alice');
    publish('b', 'bob', 12);
    expect(told).toEqual([
      { messageId: 'a', userId: 'alice', delayMs: 0 },
      { messageId: 'b', userId: 'bob', delayMs: 12 },
    ]);
    expect([news.of('a'), news.of('c')]).toEqual([[{ userId: 'alice', delayMs: 0 }], []]);
  });

  it('keep those of the last 100 messages', () => {
    for (let message = 0; message <= 100; message++) publish(`message-${message}`, 'alice', 1);
    publish('message-1', 'bob', 2);
    expect(news.of('message-0')).toEqual([]);
    expect(news.of('message-1')).toHaveLength(2);
    expect(news.of('message-100')).toHaveLength(1);
  });

  it('end with the app', () => {
    news.onModuleDestroy();
    publish('a', 'alice', 1);
    expect(news.of('a')).toEqual([]);
  });
});
