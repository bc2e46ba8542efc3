import { ArrayMaxSize, IsArray, IsString } from 'class-validator';
import { ConsoleMessageDto } from './console-message.dto.js';

/** A message to users who are named. */
export class SendMessageDto extends ConsoleMessageDto {
  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  to!: string[];
}
