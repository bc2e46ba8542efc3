import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Admission } from './admission.js';
import { sendUnread } from './send-json.js';

/** What a page of an allowed origin may send, beside what every page may. */
const CORS = {
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, X-Content-Sha256, X-Date, X-Security-Token',
  'Access-Control-Expose-Headers': 'Date, Link, Retry-After',
};

/** Hands on what may come in, and answers what may not. */
export function serveOrRefuse(
  admission: Admission,
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): RequestListener {
  return (request, response) => {
    const { origin } = request.headers;
    const refusal = admission.admit(request);
    if (refusal !== undefined) {
      sendUnread(response, refusal.httpStatus, { error: refusal.error });
      return;
    }
    if (origin !== undefined && admission.allows(origin)) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Vary', 'Origin');
      for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
      if (request.method === 'OPTIONS') {
        response.writeHead(204).end();
        return;
      }
    }
    serve(request, response).catch((error: unknown) => {
      // A test's own function threw. The sender is not left waiting; the error surfaces as unhandled.
      response.destroy();
      throw error;
    });
  };
}
