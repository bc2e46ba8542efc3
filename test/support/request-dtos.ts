import {
  BatchSendRoomUnicastDto,
  RoomBroadcastDto,
  SendRoomUnicastDto,
  UserUnicastDto,
} from '../../lib/dto/requests.dto.js';
import { WithFrom } from '../../lib/dto/request-rules.js';

/** The DTOs with the rules of what the services take: an app's own code may name the sender. */
export const REQUEST_DTOS = {
  BatchSendRoomUnicast: WithFrom(BatchSendRoomUnicastDto),
  SendRoomUnicast: WithFrom(SendRoomUnicastDto),
  SendBroadcast: WithFrom(RoomBroadcastDto),
  SendUnicast: WithFrom(UserUnicastDto),
} as const;
