// A server that does as little as it can, in a process of its own: it reads each request to its end and answers as
// the remote API does. The emulator would check signatures on the same machine, and so be part of what is measured.
import { createServer } from 'node:http';

const answer = Buffer.from(
  JSON.stringify({
    ResponseMetadata: {
      RequestId: '20260101000000A1B2C3D4E5F6A7B8C9D0',
      Action: 'BatchSendRoomUnicast',
      Version: '2023-07-20',
      Service: 'rtc',
      Region: 'cn-north-1',
    },
    Result: { Message: 'Success' },
  }),
);
const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': answer.length };
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200, headers).end(answer));
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.send({ endpoint: `http://127.0.0.1:${server.address().port}` }));
process.on('message', () => process.exit());
process.on('disconnect', () => process.exit());
