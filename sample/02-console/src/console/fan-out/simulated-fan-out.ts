/** One message to `user-1` … `user-N`. */
export interface SimulatedFanOut {
  readonly roomId: string;
  readonly message: string;
  readonly binary: boolean;
  /** How many users, from 1 to {@link MAX_SIMULATED}. */
  readonly users: number;
  /** Whether those who are not in the room are left out. */
  readonly skipAbsent: boolean;
  /** That the user knows that the service is the real one. */
  readonly confirmed: boolean;
}

/** More would take longer than anyone watches: 8,334 requests, or 17 s at the quota. */
export const MAX_SIMULATED = 5_000_000;

/** `user-1` … `user-N`, made as they are read. */
export function* simulatedUsers(count: number): Generator<string> {
  for (let user = 1; user <= count; user++) yield `user-${user}`;
}
