import { ArrayMaxSize, IsArray, IsString } from 'class-validator';

/** Which of these users are not in a room. */
export class AbsentQuestionDto {
  @IsString()
  roomId!: string;

  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  to!: string[];
}
