import { ArrayMaxSize, IsArray, IsBoolean, IsString } from 'class-validator';
import { ConsoleMessageDto } from './console-message.dto.js';

/** A message to users who are named. */
export class SendMessageDto extends ConsoleMessageDto {
  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  to!: string[];

  /** Whether the users' apps are to confirm that they have it. */
  @IsBoolean()
  receipt = false;
}
