import axios, { type AxiosInstance, type AxiosStatic } from 'axios';
import { canonicalQuery, type NameValue } from './signature-v4.js';

/** What can't be called itself. Axios's types for CommonJS do not export the class. */
export type Axios = InstanceType<AxiosStatic['Axios']>;

/** The part of an Axios instance that an app may use. */
export interface RtcAxiosRef {
  /** Request interceptors only. */
  readonly interceptors: Pick<AxiosInstance['interceptors'], 'request'>;
}

/** A request to an action, ready to be sent. */
export interface ApiRequest {
  readonly action: string;
  readonly version: string;
  /** `GET` has its fields in the query, `POST` in the body. */
  readonly method: 'GET' | 'POST';
  /** Parameters beside the action and its version. Values of one name keep their order. */
  readonly query: readonly NameValue[];
  /** The exact bytes of the JSON; empty for `GET`. */
  readonly body: Buffer;
  /** Those of the app, if the request passes through them. */
  readonly interceptors?: RtcAxiosRef['interceptors'];
}

/** Whether this library sets a query parameter itself: the action, the version and the signature. */
export function isReservedName(name: string): boolean {
  return /^(action|version|x-.*)$/i.test(name);
}

export function urlOf(endpoint: string, { action, version, query }: ApiRequest): string {
  const fields = query.length === 0 ? '' : `&${canonicalQuery(query)}`;
  return `${endpoint}/?Action=${action}&Version=${version}${fields}`;
}

/**
 * Holds interceptors, and sends nothing. Not `axios.create()`, which takes over the defaults that the app set for its
 * own Axios calls.
 */
export function createAxios(): Axios {
  return new axios.Axios({});
}
