import { IsIn } from 'class-validator';
import { FAULT_PRESETS, FAULT_SHARES, type FaultName, type FaultShare } from './fault-presets.js';

export class SwitchFaultDto {
  @IsIn(Object.keys(FAULT_PRESETS))
  name!: FaultName;

  @IsIn(Object.keys(FAULT_SHARES))
  share!: FaultShare;
}
