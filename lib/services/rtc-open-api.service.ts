import { Injectable } from '@nestjs/common';
import type { OpenApiRequest } from '../dto/check-api-request.js';
import type { RtcAxiosRef } from '../openapi/api-request.js';
import { ActionCaller, callers } from './action-caller.js';
import type { OpenApiOptions } from './send-options.js';

/** Calls any action that has no service of its own. Requests are signed. */
@Injectable()
export class RtcOpenApiService {
  constructor(caller: ActionCaller) {
    callers.set(this, caller);
  }

  /**
   * The request interceptors of these calls. Messages do not pass through them. They may change the query, the body and
   * the headers. The changed request is signed and sent. They see neither the key nor the signature. `config.data` is an
   * object with the body's fields. If they change the action, the method or the origin, the request is not sent.
   */
  get axiosRef(): RtcAxiosRef {
    return callers.of(this).axiosRef;
  }

  /**
   * Calls an action. Attempts that certainly had no effect are retried. Unknown outcomes are retried only with `GET`.
   *
   * @returns the answer's `Result`
   * @throws the errors of `RoomUnicastService.batchSend()`, and never one of Axios's
   * @see https://www.volcengine.com/docs/6348/69828
   */
  async request<T = unknown>(request: OpenApiRequest, options: OpenApiOptions = {}): Promise<T> {
    return (await callers.of(this).request(request, options)).result as T;
  }
}
