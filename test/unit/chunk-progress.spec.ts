import { describe, expect, it } from '@jest/globals';
import { ChunkProgress } from '../../lib/bullmq/chunk-progress.js';

describe('the progress of a chunk that is sent in parts', () => {
  it('has the part in flight, and the rest not', () => {
    const progress = new ChunkProgress(['a', 'b', 'c', 'd', 'e']);
    expect(progress.begin(['a', 'b'])).toEqual({ inFlight: ['a', 'b'], rest: ['c', 'd', 'e'], accepted: 0 });
    progress.end('accepted');
    expect(progress.begin(['c'])).toEqual({ inFlight: ['c'], rest: ['d', 'e'], accepted: 2 });
    progress.end('accepted');
    expect(progress.begin(['d', 'e'])).toEqual({ inFlight: ['d', 'e'], rest: [], accepted: 3 });
  });

  it('has the same part once more when it is sent again, or a smaller one', () => {
    const progress = new ChunkProgress(['a', 'b', 'c']);
    progress.begin(['a', 'b', 'c']);
    progress.end('not_attempted');
    expect(progress.begin(['a'])).toEqual({ inFlight: ['a'], rest: ['b', 'c'], accepted: 0 });
  });

  it('keeps in flight of whom it is unknown, and to be sent to who was refused', () => {
    const progress = new ChunkProgress(['a', 'b', 'c', 'd']);
    progress.begin(['a']);
    progress.end('unknown');
    progress.begin(['b']);
    progress.end('rejected');
    expect(progress.begin(['c'])).toEqual({ inFlight: ['a', 'c'], rest: ['b', 'd'], accepted: 0 });
  });

  it('keeps those apart who are named twice', () => {
    const progress = new ChunkProgress(['a', 'a', 'b']);
    progress.begin(['a']);
    progress.end('accepted');
    expect(progress.begin(['a'])).toEqual({ inFlight: ['a'], rest: ['b'], accepted: 1 });
  });
});
