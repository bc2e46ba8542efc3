/** `user-1` … `user-N`, made as they are read. */
export function* simulatedUsers(count: number): Generator<string> {
  for (let user = 1; user <= count; user++) yield `user-${user}`;
}
