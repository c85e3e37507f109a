/** HTTP without a model: reads the body and answers the bytes of a file. bare-http.ts ANSWER PORT */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [file = '', port = '0'] = process.argv.slice(2);
const answer = readFileSync(file);
createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.byteLength });
    response.end(answer);
  });
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
