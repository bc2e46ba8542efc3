import { type CanActivate, type DynamicModule, Injectable, Module, UseGuards } from '@nestjs/common';
import { OnClientMessage, OnRtcEvent, RtcCallbackModule } from 'nestjs-rtc-messaging/callbacks';
import type { RtcCallbackEvent, RtcClientMessage } from 'nestjs-rtc-messaging/callbacks';

/** What handlers write to. */
@Injectable()
export class Database {
  readonly rows: string[] = [];

  onModuleDestroy(): void {
    this.rows.push('closed');
  }
}

@Injectable()
export class IsKnown implements CanActivate {
  constructor(private readonly database: Database) {}

  canActivate(): boolean {
    this.database.rows.push('guarded');
    return true;
  }
}

@Injectable()
export class Attendance {
  constructor(private readonly database: Database) {}

  @OnRtcEvent('UserJoinRoom')
  @UseGuards(IsKnown)
  async onJoin({ data }: RtcCallbackEvent<'UserJoinRoom'>): Promise<void> {
    // The app closes meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 200));
    this.database.rows.push(`${data.UserId} came`);
  }

  @OnClientMessage()
  answer({ userId, message }: RtcClientMessage): string {
    return `${userId} said ${String(message)}`;
  }
}

@Module({})
export class CallbackAppModule {
  static with(appId: string, eventSecret: string): DynamicModule {
    return {
      module: CallbackAppModule,
      imports: [
        RtcCallbackModule.forRoot({
          appId,
          events: { path: '/rtc/events', secrets: [eventSecret], acknowledge: 'early' },
          clientMessages: { path: '/rtc/messages', secrets: ['a-secret-of-clients'] },
        }),
      ],
      providers: [Database, Attendance],
    };
  }
}
