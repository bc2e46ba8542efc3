import { IsBoolean, IsString } from 'class-validator';

/** What each message of the composer has. Its own rules are left to the library, whose errors are to be seen. */
export abstract class ConsoleMessageDto {
  @IsString()
  roomId!: string;

  /** Text, or base64. */
  @IsString()
  message!: string;

  @IsBoolean()
  binary!: boolean;

  /** That the user knows that the service is the real one. */
  @IsBoolean()
  confirmed!: boolean;
}
