import { ConsoleMessageDto } from './console-message.dto.js';

/** A message to everyone in a room. */
export class BroadcastMessageDto extends ConsoleMessageDto {}
