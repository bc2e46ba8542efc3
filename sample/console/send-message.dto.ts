import { ArrayMaxSize, IsArray, IsBoolean, IsString } from 'class-validator';

/** What the composer sends. The rules of the message itself are left to the library, whose errors are to be seen. */
export class SendMessageDto {
  @IsString()
  roomId!: string;

  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  to!: string[];

  /** Text, or base64. */
  @IsString()
  message!: string;

  @IsBoolean()
  binary!: boolean;

  /** That the user knows that the service is the real one. */
  @IsBoolean()
  confirmed!: boolean;
}
