/**
 * Types of what Jest and Vitest define globally, which examples of tests use so that they run with either. Stock apps
 * have them by `@types/jest` or `vitest/globals`.
 */
export const TEST_GLOBALS = `export {};
declare global {
  const afterAll: typeof import('@jest/globals').afterAll;
  const beforeAll: typeof import('@jest/globals').beforeAll;
  const expect: typeof import('@jest/globals').expect;
  const it: typeof import('@jest/globals').it;
}
`;
