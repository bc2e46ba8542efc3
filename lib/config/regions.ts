/**
 * The service's hosts. Source: Volcengine documentation 6348/69828; BytePlus (`ap-singapore-1`) documentation
 * byteplus-rtc 1164064.
 */
export const REGION_HOSTS: ReadonlyMap<string, string> = new Map([
  ['cn-north-1', 'rtc.volcengineapi.com'],
  ['ap-southeast-1', 'open-ap-singapore-1.volcengineapi.com'],
  ['ap-singapore-1', 'open.byteplusapi.com'],
]);
