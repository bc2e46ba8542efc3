import { median, spread } from './statistics.mjs';

/**
 * Measures subjects in turns, so that whatever else the machine does meets all of them alike. A first round warms up.
 * @param measure given a subject's name; returns numbers by name
 * @returns by subject: the median of each number, and `spread`, by how much the rounds differ in the first one
 */
export async function interleave(names, rounds, measure) {
  const measured = new Map(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const result = await measure(name);
      if (round > 0) measured.get(name).push(result);
    }
  }
  return new Map([...measured].map(([name, results]) => [name, summarise(results)]));
}

function summarise(results) {
  const keys = Object.keys(results[0]);
  const of = (key) => results.map((result) => result[key]);
  return {
    ...Object.fromEntries(keys.map((key) => [key, median(of(key))])),
    spread: spread(of(keys[0])),
  };
}
