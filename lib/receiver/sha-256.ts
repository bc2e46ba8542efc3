/**
 * SHA-256 (FIPS 180-4). That of Web Crypto is asynchronous, is only there on secure pages, and is not there in React
 * Native.
 * @returns the eight words of the digest
 */
export function sha256(bytes: Uint8Array): readonly number[] {
  const { length } = bytes;
  const padded = new Uint8Array((((length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, length * 8);
  let state: readonly number[] = INITIAL_STATE;
  for (let at = 0; at < padded.length; at += 64) state = addBlock(state as Eight, view, at);
  return state;
}

type Eight = [number, number, number, number, number, number, number, number];

/** Of the roots of the first primes, so that there is no table to download. */
const ROUND_CONSTANTS: number[] = [];
const INITIAL_STATE: number[] = [];
for (let number = 2; ROUND_CONSTANTS.length < 64; number += 1) {
  let divisor = 2;
  while (number % divisor > 0) divisor += 1;
  if (divisor < number) continue;
  ROUND_CONSTANTS.push(fraction(Math.cbrt(number)));
  if (INITIAL_STATE.length < 8) INITIAL_STATE.push(fraction(Math.sqrt(number)));
}

/** The first 32 bits after the point. */
function fraction(root: number): number {
  return ((root % 1) * 2 ** 32) | 0;
}

function addBlock(state: Eight, view: DataView, at: number): number[] {
  const words: number[] = [];
  let [a, b, c, d, e, f, g, h] = state;
  ROUND_CONSTANTS.forEach((constant, round) => {
    const [sixteen, fifteen, seven, two] = [16, 15, 7, 2].map((back) => words[round - back]) as Eight;
    const word =
      round < 16
        ? view.getInt32(at + round * 4)
        : (sixteen +
            (rotate(fifteen, 7) ^ rotate(fifteen, 18) ^ (fifteen >>> 3)) +
            seven +
            (rotate(two, 17) ^ rotate(two, 19) ^ (two >>> 10))) |
          0;
    words.push(word);
    const first = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constant + word;
    const second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  });
  return [a, b, c, d, e, f, g, h].map((word, index) => (word + (state[index] as number)) | 0);
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
