/**
 * The ID that a part of a path stands for. Browsers and `fetch` take `.` and `..` in a path, also as `%2E`, for the
 * way to another one, and ask for that. So a client writes an ID that is nothing but one or two dots with `%252E` for
 * each. An ID has no `%`, so that nothing else is meant by it.
 * @throws TypeError where it can't be decoded
 */
export function idInPath(part: string): string {
  try {
    const id = decodeURIComponent(part);
    return /^(%2e){1,2}$/i.test(id) ? decodeURIComponent(id) : id;
  } catch {
    throw new TypeError('the path holds an ID that is not percent-encoded UTF-8');
  }
}
