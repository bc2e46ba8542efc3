/** The fields of a request whose body comes to about so many bytes, as an app would hand them over. */
export function createPayload(bytes) {
  const users =
    bytes > 50_000 ? Array.from({ length: 600 }, (_, index) => String(index).padStart(128, 'u')) : ['alice'];
  const rest = JSON.stringify(toBody({ roomId: 'room-1', to: users, message: '' })).length;
  return { roomId: 'room-1', to: users, message: 'm'.repeat(Math.max(1, bytes - rest)) };
}

/** The same in the remote API's form. */
export function toBody({ roomId, to, message }) {
  return { AppId: 'emulator-app', RoomId: roomId, From: 'server', To: to, Binary: false, Message: message };
}
