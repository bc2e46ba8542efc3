import { isError, kindOfThrown } from '../errors/thrown.js';

/** The kind of a handler's error, and where it was thrown. Its message may quote what a client sent. */
export function describeFailure(error: unknown): string {
  return `${kindOfThrown(error)}${isError(error) ? framesOf(error) : ''}`;
}

function framesOf({ stack, message }: Error): string {
  if (typeof stack !== 'string') return '';
  const at = stack.indexOf(message);
  // Behind the message, which may have lines that look like these.
  const frames = at < 0 ? -1 : stack.indexOf('\n    at ', at + message.length);
  return frames < 0 ? '' : stack.slice(frames);
}
