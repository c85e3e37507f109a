import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A server of twenty lines in the place of serve.js: it loads the model with the runtime that is in the image and answers
 * `POST /predict` with flat lists. For tests of the image, where the real one would be tested along with it.
 */
const SOURCE = `
import { createServer } from 'node:http';
import ort from 'onnxruntime-node';
// The first process of a container gets no default for signals.
process.on('SIGTERM', () => process.exit(0));
const flags = process.argv.slice(2);
const model = flags.findLast(flag => flag.includes('='));
const session = await ort.InferenceSession.create(model.slice(model.indexOf('=') + 1));
const port = Number(process.env.TEST_PORT ?? flags[flags.indexOf('--port') + 1]);
createServer((request, response) => {
  const chunks = [];
  request.on('data', chunk => chunks.push(chunk));
  request.on('end', async () => {
    const { data, dims } = JSON.parse(Buffer.concat(chunks).toString());
    const tensor = new ort.Tensor('float32', Float32Array.from(data), dims);
    const outputs = await session.run({ [session.inputNames[0]]: tensor });
    response.end(JSON.stringify({
      output: Array.from(outputs[session.outputNames[0]].data),
      uid: process.getuid(),
      arch: process.arch,
    }));
  });
}).listen(port, '127.0.0.1', () => console.log('listening'));
`;

/** Writes it as a dist/ folder. */
export function writeSmallServer(folder: string): string {
  const dist = join(folder, 'small-server');
  mkdirSync(dist, { recursive: true });
  writeFileSync(join(dist, 'serve.js'), SOURCE);
  return dist;
}
