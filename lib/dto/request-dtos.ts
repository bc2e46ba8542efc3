import { BatchSendRoomUnicastDto } from './batch-send-room-unicast.dto.js';
import { RoomBroadcastDto } from './room-broadcast.dto.js';
import { SendRoomUnicastDto } from './send-room-unicast.dto.js';
import { UserUnicastDto } from './user-unicast.dto.js';
import { WithFrom } from './with-from.js';

/** The rules of what the services take: an app's own code may name the sender. */
export const REQUEST_DTOS = {
  BatchSendRoomUnicast: WithFrom(BatchSendRoomUnicastDto),
  SendRoomUnicast: WithFrom(SendRoomUnicastDto),
  SendBroadcast: WithFrom(RoomBroadcastDto),
  SendUnicast: WithFrom(UserUnicastDto),
} as const;
