import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeTensorFile } from '../../src/benchmark/tensor-file.ts';
import { readCaseFiles } from '../../src/runtime/case-files.ts';
import { nestFlat } from '../../src/shared/tensor-bytes.ts';
import { lacks, modelsFolder, projectRoot } from '../support/requirements.ts';
import { fixtureModel, startTestServer, type TestServer } from '../support/serving.ts';

const LOGITS = 10;

/** The first image of the digits fixture, as bytes and as numbers. */
async function digitsCase(): Promise<{ readonly bytes: Uint8Array; readonly values: Float32Array }> {
  const [file] = (await readCaseFiles(join(projectRoot, 'fixtures/models/digits/test_data_set_0'))) ?? [];
  const { data } = decodeTensorFile(file!);
  const bytes = new Uint8Array((data as Uint8Array).subarray(0, 4 * 784));
  return { bytes, values: new Float32Array(bytes.buffer) };
}

const image = (values: ArrayLike<number>): unknown => nestFlat(values, [values.length / 784, 1, 28, 28]);

describe.skipIf(lacks('runtime'))('the interfaces of a server', () => {
  let server: TestServer;
  let digits: Awaited<ReturnType<typeof digitsCase>>;

  beforeAll(async () => {
    digits = await digitsCase();
    server = await startTestServer({
      models: [
        fixtureModel('digits-damaged', '1.0.0', 'digits'),
        fixtureModel('digits', '2.0.0'),
        fixtureModel('digits-fp16'),
        fixtureModel('encoder'),
      ],
      settings: { interfaces: { benchmark: true, sageMaker: true, vertex: true } },
    });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  const logitsOf = async (response: Response): Promise<readonly number[]> => {
    const body = (await response.json()) as { outputs: { logits: number[][] } };
    return body.outputs.logits[0]!;
  };

  it('says what it is, that it is well, and what its models take', async () => {
    const health = await server.get('/health');
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: 'ready', reasons: [] });
    expect(await (await server.get('/')).json()).toMatchObject({ server: 'quickserveml' });
    const info = await (await server.get('/model/info?model=encoder')).json();
    expect(info).toMatchObject({ name: 'encoder', version: '1.0.0', batching: { kind: 'rows' } });
    const schema = (await (await server.get('/model/schema?model=encoder')).json()) as { forms: object };
    expect(Object.keys(schema.forms)).toEqual(['plain', 'v2']);
  });

  it('answers a request in the form that it came in, with the newest version unless one is named', async () => {
    const plain = await logitsOf(await server.post('/predict', { inputs: { image: image(digits.values) } }));
    const single = await server.post('/predict', { data: image(digits.values) });
    const { data } = (await single.json()) as { data: number[][] };
    expect(data[0]).toEqual(plain);
    const older = await server.post('/predict?version=1.0.0', { inputs: { image: image(digits.values) } });
    expect(await logitsOf(older)).not.toEqual(plain);
  });

  it('takes bytes as base64 and gives the same answer', async () => {
    const base64 = Buffer.from(digits.bytes).toString('base64');
    const answer = await server.post('/predict', { inputs: { image: { base64, shape: [1, 1, 28, 28] } } });
    const plain = await server.post('/predict', { inputs: { image: image(digits.values) } });
    expect(await answer.json()).toEqual(await plain.json());
  });

  it('speaks the Open Inference Protocol in JSON and in bytes, with the same numbers', async () => {
    const tensor = { name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32' };
    const json = await server.post('/v2/models/digits/versions/1.0.0/infer', {
      id: 'seven',
      inputs: [{ ...tensor, data: [...digits.values] }],
    });
    const spoken = (await json.json()) as { id: string; outputs: { data: number[]; shape: number[] }[] };
    expect(spoken).toMatchObject({ id: 'seven', model_name: 'digits', model_version: '1.0.0' });
    expect(spoken.outputs[0]!.shape).toEqual([1, LOGITS]);

    const head = Buffer.from(
      JSON.stringify({
        inputs: [{ ...tensor, parameters: { binary_data_size: digits.bytes.byteLength } }],
        outputs: [{ name: 'logits', parameters: { binary_data: true } }],
      }),
    );
    const response = await fetch(`${server.url}/v2/models/digits/versions/1.0.0/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(head.byteLength),
      },
      body: Buffer.concat([head, digits.bytes]),
    });
    expect(response.status).toBe(200);
    const bytes = Buffer.from(await response.arrayBuffer());
    const from = Number(response.headers.get('inference-header-content-length'));
    const values = new Float32Array(new Uint8Array(bytes.subarray(from)).buffer);
    expect([...values]).toEqual(spoken.outputs[0]!.data);
  });

  it('carries float16 as its bits and as numbers', async () => {
    const answer = await server.post('/v2/models/digits-fp16/infer', {
      inputs: [{ name: 'image', shape: [1, 1, 28, 28], datatype: 'FP16', data: [...digits.values] }],
    });
    const { outputs } = (await answer.json()) as { outputs: { datatype: string; data: number[] }[] };
    expect(outputs[0]!.datatype).toBe('FP16');
    const exact = await logitsOf(await server.post('/predict', { inputs: { image: image(digits.values) } }));
    for (let at = 0; at < LOGITS; at++)
      expect(Math.abs(outputs[0]!.data[at]! - exact[at]!)).toBeLessThan(0.2);
  });

  it('gives each of many requests at once its own rows', async () => {
    const scaled = Array.from({ length: 24 }, (_, index) =>
      digits.values.map(value => (value * (index + 1)) / 24),
    );
    const alone: (readonly number[])[] = [];
    for (const values of scaled)
      alone.push(await logitsOf(await server.post('/predict', { inputs: { image: image(values) } })));
    const together = await Promise.all(
      scaled.map(async values =>
        logitsOf(await server.post('/predict', { inputs: { image: image(values) } })),
      ),
    );
    for (const [index, logits] of together.entries())
      for (let at = 0; at < LOGITS; at++) expect(logits[at]).toBeCloseTo(alone[index]![at]!, 2);
  });

  it('says where a request is wrong, and runs nothing', async () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [{ inputs: { image: [[[[1]]]] } }, /inputs\.image\[0\]\[0\]: expected 28 arrays, got 1/],
      [{ inputs: { picture: [] } }, /picture: is unknown; the model takes "image"/],
      ['{"inputs": {"image": NaN}}', /not JSON/],
      [`{"inputs":{"image":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`, /inputs\.image/],
      ['[]', /the body: expected an object/],
      ['', /not JSON/],
    ];
    for (const [body, message] of wrong) {
      const response = await server.post('/predict', body);
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: string }).error).toMatch(message);
    }
    const special = await server.post('/predict', {
      inputs: { image: image(Array.from(digits.values, () => 'Infinity') as unknown as number[]) },
    });
    expect(special.status).toBe(400);
  });

  it('knows what it does not have', async () => {
    expect((await server.get('/nothing')).status).toBe(404);
    expect((await server.post('/v2/models/other/infer', { inputs: [] })).status).toBe(404);
    expect((await server.get('/v2/models/digits/versions/9')).status).toBe(404);
    const wrongMethod = await server.get('/predict');
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST']);
    const form = await server.post('/predict', 'a=b', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(form.status).toBe(415);
    for (const path of ['/predict', '/model/batch'])
      expect((await server.post(path, '{}', { 'content-encoding': 'gzip' })).status, path).toBe(415);
  });

  it('answers SageMaker and Vertex AI on their paths', async () => {
    expect((await server.get('/ping')).status).toBe(200);
    const invocation = await server.post('/invocations', { inputs: { image: image(digits.values) } });
    const logits = await logitsOf(invocation);
    const rows = image(digits.values) as unknown[];
    const vertex = await server.post('/vertex/predict', { instances: [rows[0], rows[0]] });
    const { predictions } = (await vertex.json()) as { predictions: number[][] };
    expect(predictions).toHaveLength(2);
    for (let at = 0; at < LOGITS; at++) expect(predictions[1]![at]).toBeCloseTo(logits[at]!, 2);
    const named = await server.post('/vertex/predict?model=encoder', {
      instances: [{ input_ids: [1, 2], attention_mask: [1, 1] }],
    });
    expect(await named.json()).toMatchObject({ predictions: [[expect.any(Number), expect.any(Number)]] });
  });

  it('answers a stream of records in their order and goes on after a bad one', async () => {
    const good = JSON.stringify({ inputs: { image: image(digits.values) } });
    const lines = Array.from({ length: 200 }, (_, index) => (index === 7 ? '{"inputs":' : good));
    const response = await server.post('/model/batch', lines.join('\n'), {
      'content-type': 'application/x-ndjson',
    });
    const answers = (await response.text())
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { record?: number; error?: object; failed?: number });
    expect(answers.pop()).toEqual({ records: 200, failed: 1 });
    expect(answers.map(({ record }) => record)).toEqual(lines.map((_, index) => index + 1));
    expect(answers.filter(({ error }) => error !== undefined)).toEqual([
      { record: 8, error: { code: 'RECORD_INVALID', message: expect.stringContaining('not JSON') } },
    ]);
  });

  it('measures itself where that is asked for', async () => {
    const answer = await server.post('/model/benchmark?model=encoder&runs=5', '');
    expect(await answer.json()).toMatchObject({
      model: 'encoder',
      runs: 5,
      totalMs: { p50: expect.any(Number) },
    });
  });
});

describe.skipIf(lacks('runtime') || lacks('models'))('real models behind a server', () => {
  const shared = (name: string) => ({ name, version: '1', path: join(modelsFolder, name, 'model.onnx') });

  it('carry strings, booleans and 64-bit integers as they are', async () => {
    await using server = await startTestServer({
      models: [shared('node_string_concat_utf8'), shared('node_not_2d'), shared('transformer_mlm_vespa')],
    });
    const info = (await (await server.get('/v2/models/node_string_concat_utf8')).json()) as {
      inputs: { name: string; shape: number[] }[];
    };
    const inputs = Object.fromEntries(
      info.inputs.map(({ name, shape }, index) => [
        name,
        nestFlat(
          Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => `${index}é${at}`),
          shape,
        ),
      ]),
    );
    const concatenated = await (await server.post('/predict', { inputs })).text();
    expect(concatenated).toContain('0é01é0');
    const not = (await (await server.get('/model/info?model=node_not_2d')).json()) as {
      inputs: { name: string; shape: number[] }[];
      outputs: { name: string }[];
    };
    const [flag] = not.inputs;
    const answer = await server.post('/predict?model=node_not_2d', {
      inputs: { [flag!.name]: nestFlat(Array(elements(flag!.shape)).fill(true), flag!.shape) },
    });
    const { outputs } = (await answer.json()) as { outputs: Record<string, unknown> };
    expect(outputs[not.outputs[0]!.name]).toEqual(
      nestFlat(Array(elements(flag!.shape)).fill(false), flag!.shape),
    );
  });
});

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

describe.skipIf(lacks('runtime'))("SageMaker's routes", () => {
  const on = { QUICKSERVEML_SAGEMAKER: '1' };
  it.each([
    ['are there where the environment says so, as a template of deploy render does', on, {}, true],
    ['are not there by themselves', {}, {}, false],
    ['are not there for another value', { QUICKSERVEML_SAGEMAKER: 'no' }, {}, false],
    ['are not there where the settings say no', on, { interfaces: { sageMaker: false } }, false],
  ])('%s', async (_, env, settings, there) => {
    const digits = await digitsCase();
    await using server = await startTestServer({ models: [fixtureModel('digits')], env, settings });
    const body = { inputs: { image: image(digits.values) } };
    const answer = await server.post('/invocations', body);
    const ping = await server.get('/ping');
    expect([ping.status, answer.status]).toEqual(there ? [200, 200] : [404, 404]);
    if (there) expect(await answer.json()).toEqual(await (await server.post('/predict', body)).json());
  });
});
