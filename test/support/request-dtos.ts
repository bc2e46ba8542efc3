import { BatchSendRoomUnicastDto } from '../../lib/dto/batch-send-room-unicast.dto.js';
import { RoomBroadcastDto } from '../../lib/dto/room-broadcast.dto.js';
import { SendRoomUnicastDto } from '../../lib/dto/send-room-unicast.dto.js';
import { UserUnicastDto } from '../../lib/dto/user-unicast.dto.js';
import { WithFrom } from '../../lib/dto/with-from.js';

/** The DTOs with the rules of what the services take: an app's own code may name the sender. */
export const REQUEST_DTOS = {
  BatchSendRoomUnicast: WithFrom(BatchSendRoomUnicastDto),
  SendRoomUnicast: WithFrom(SendRoomUnicastDto),
  SendBroadcast: WithFrom(RoomBroadcastDto),
  SendUnicast: WithFrom(UserUnicastDto),
} as const;
