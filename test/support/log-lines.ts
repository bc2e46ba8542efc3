import { ConsoleLogger } from '@nestjs/common';

/** A logger that keeps what it is told, as `LEVEL text`. */
export class LogLines extends ConsoleLogger {
  readonly lines: string[] = [];
  readonly debugLines: string[] = [];

  protected override printMessages(messages: unknown[], _context?: string, level = 'log'): void {
    const lines = level === 'debug' ? this.debugLines : this.lines;
    for (const message of messages) lines.push(`${level.toUpperCase()} ${String(message)}`);
  }
}
