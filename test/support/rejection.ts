/** What a promise is rejected with; a promise that is fulfilled fails the test. */
export async function rejectionOf<E extends Error = Error>(promise: Promise<unknown>): Promise<E> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as E;
  }
  throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
}
