import { beforeEach, describe, expect, it } from '@jest/globals';
import type { PermitPool } from '../../lib/quota/permit-pool.js';
import { RoomPools } from '../../lib/quota/room-pools.js';

describe('the permits of rooms', () => {
  let now: number;
  let rooms: RoomPools;
  beforeEach(() => {
    now = 1_000_000;
    rooms = new RoomPools(() => now);
  });
  const poolOf = (roomId: string): PermitPool => rooms.of(roomId, 10, true)!;
  const addRooms = (count: number): void => {
    for (let room = 0; room < count; room++) poolOf(`${now} ${room}`);
  };

  it('are kept while any of them is out, and forgotten for idle rooms', () => {
    const [busy, idle] = [poolOf('busy'), poolOf('idle')];
    const permit = busy.take(1);
    for (let count = 0; count < 3; count++) {
      addRooms(100);
      expect(poolOf('busy')).toBe(busy);
    }
    expect(poolOf('idle')).not.toBe(idle);
    permit.giveBack('answered');
    now += 1_002;
    addRooms(200);
    expect(poolOf('busy')).not.toBe(busy);
  });

  it('are forgotten for a room without an answer once later requests into others were answered', () => {
    const silent = poolOf('silent');
    silent.take(2).giveBack('unanswered');
    // Time proves nothing, nor does an answer to a request that was sent before.
    for (let count = 0; count < 3; count++) {
      now += 1_002;
      addRooms(200);
      rooms.answered(1_000_000);
      expect(poolOf('silent')).toBe(silent);
    }
    rooms.answered(now);
    addRooms(200);
    now += 1_001;
    addRooms(200);
    expect(poolOf('silent')).toBe(silent);
    now += 1;
    addRooms(200);
    expect(poolOf('silent')).not.toBe(silent);
  });
});
