/** `node reader.js PORT`: reads sockets and throws away what comes, the least that Node can do with it. */
import { createServer } from 'node:net';
import { argv } from 'node:process';

createServer((socket) => {
  socket.on('data', () => {});
  socket.on('error', () => socket.destroy());
}).listen(Number(argv[2]), '127.0.0.1');
