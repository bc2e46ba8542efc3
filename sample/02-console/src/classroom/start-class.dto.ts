import { ArrayMaxSize, ArrayNotEmpty, IsString, Length } from 'class-validator';

export class StartClassDto {
  @IsString()
  @Length(1, 200)
  title!: string;

  /** Only what this app knows about students is checked here; the library checks the IDs themselves. */
  @ArrayNotEmpty()
  @ArrayMaxSize(600)
  @IsString({ each: true })
  students!: string[];
}
