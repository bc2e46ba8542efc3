import { MAX_SIMULATED, type SimulatedFanOut } from '../fan-out/simulated-fan-out.js';

/** What the page asks for over its live connection. */
export type LiveCommand =
  /** The first of all; nothing is done or told before. */
  | { readonly type: 'hello'; readonly key: string }
  /** Looks at a room; whoever this page had in another leaves it. */
  | { readonly type: 'room'; readonly roomId: string }
  | { readonly type: 'join' | 'leave' | 'raise_hand'; readonly userId: string }
  | ({ readonly type: 'fan_out' } & SimulatedFanOut)
  | { readonly type: 'cancel' }
  /** Looks at the receipts of a message, and no longer at those of another. */
  | { readonly type: 'receipts'; readonly messageId: string };

const isText = (value: unknown): boolean => typeof value === 'string';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isUsers = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_SIMULATED;

/** The fields of each command. What IDs and messages must be like, the emulator and the library know. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  hello: { key: isText },
  room: { roomId: isText },
  join: { userId: isText },
  leave: { userId: isText },
  raise_hand: { userId: isText },
  fan_out: {
    roomId: isText,
    message: isText,
    binary: isFlag,
    users: isUsers,
    skipAbsent: isFlag,
    confirmed: isFlag,
  },
  cancel: {},
  receipts: { messageId: isText },
};

/** @returns undefined for what is no command */
export function readLiveCommand(text: string): LiveCommand | undefined {
  let command: unknown;
  try {
    command = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof command !== 'object' || command === null) return undefined;
  const { type, ...fields } = command as Record<string, unknown>;
  const expected = typeof type === 'string' && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined;
  if (expected === undefined) return undefined;
  const isComplete = Object.entries(expected).every(([name, holds]) => holds(fields[name]));
  return isComplete ? (command as LiveCommand) : undefined;
}
