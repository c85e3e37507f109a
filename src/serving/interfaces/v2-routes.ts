import { v2Datatype } from '../../contract/payload-forms.ts';
import type { ValueInfo } from '../../model/inspection.ts';
import { type Call, errorReply, jsonReply, type PathParameters, type Reply, type Route } from '../call.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServerView } from '../watcher.ts';
import { answerInference, type InferenceAccess } from './inference-replies.ts';

/** -1 where a size is open, as the protocol has it. */
const tensorMetadata = (info: ValueInfo): object => ({
  name: info.name,
  datatype: v2Datatype(info) ?? info.dtype,
  shape: (info.shape ?? []).map(size => (typeof size === 'number' ? size : -1)),
});

/** The Open Inference Protocol v2 (https://github.com/open-inference-protocol/open-inference-protocol), HTTP/REST. */
export function v2Routes(access: InferenceAccess, view: ServerView, toolVersion: string): readonly Route[] {
  const models = (): readonly ServedModel[] => access.engine.models();
  const get = (
    path: string,
    audience: Route['audience'],
    answer: (call: Call, parameters: PathParameters) => Reply,
  ): Route => ({ method: 'GET', path, audience, kind: 'reply', answer });
  const ofModel = (call: Call, parameters: PathParameters, answer: (model: ServedModel) => Reply): Reply => {
    const choice = access.chooser.choose(parameters['name'] ?? null, parameters['version'] ?? null, call);
    return choice.kind === 'unknown' ? errorReply(404, choice.message) : answer(choice.model);
  };
  const metadata = (call: Call, parameters: PathParameters): Reply =>
    ofModel(call, parameters, model =>
      jsonReply({
        name: model.name,
        versions: models().flatMap(({ name, version }) => (name === model.name ? [version] : [])),
        platform: 'onnxruntime_onnx',
        inputs: model.interface.inputs.map(tensorMetadata),
        outputs: model.interface.outputs.map(tensorMetadata),
      }),
    );
  const modelReady = (call: Call, parameters: PathParameters): Reply =>
    ofModel(call, parameters, model =>
      jsonReply(
        { name: model.name, version: model.version, ready: view.snapshot().ready },
        view.snapshot().ready ? 200 : 503,
      ),
    );
  const infer = (path: string): Route => ({
    method: 'POST',
    path,
    audience: 'inference',
    kind: 'body',
    answer: (call, body, parameters, note) =>
      answerInference(access, {
        call,
        body,
        note,
        kind: 'infer',
        name: parameters['name'] ?? null,
        version: parameters['version'] ?? null,
      }),
  });
  const index = (): Reply =>
    jsonReply(models().map(({ name, version }) => ({ name, version, state: 'READY', reason: '' })));
  return [
    get('/v2', 'open', () =>
      jsonReply({ name: 'quickserveml', version: toolVersion, extensions: ['binary_tensor_data'] }),
    ),
    get('/v2/health/live', 'open', () => jsonReply({ live: true })),
    get('/v2/health/ready', 'open', () => {
      const { ready } = view.snapshot();
      return jsonReply({ ready }, ready ? 200 : 503);
    }),
    get('/v2/models', 'reading', () =>
      jsonReply({ models: models().map(({ name, version }) => ({ name, version })) }),
    ),
    { method: 'POST', path: '/v2/repository/index', audience: 'reading', kind: 'reply', answer: index },
    get('/v2/models/{name}', 'reading', metadata),
    get('/v2/models/{name}/versions/{version}', 'reading', metadata),
    get('/v2/models/{name}/ready', 'open', modelReady),
    get('/v2/models/{name}/versions/{version}/ready', 'open', modelReady),
    infer('/v2/models/{name}/infer'),
    infer('/v2/models/{name}/versions/{version}/infer'),
  ];
}
