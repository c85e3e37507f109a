import { payloadExample } from '../../contract/payload-example.ts';
import { hasForm } from '../../contract/payload-forms.ts';
import { payloadSchema } from '../../contract/payload-schema.ts';
import { type Call, errorReply, jsonReply, type Reply, type Route } from '../call.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServerView } from '../watcher.ts';
import { healthReply } from '../watching/health.ts';
import { answerInference, type InferenceAccess } from './inference-replies.ts';

/** The models that are meant by `?model=` and `?version=`. */
export function namedModel(call: Call): { readonly name: string | null; readonly version: string | null } {
  if (call.query === '') return { name: null, version: null };
  const query = new URLSearchParams(call.query);
  return { name: query.get('model'), version: query.get('version') };
}

const modelDocument = ({ name, version, sha256, interface: its, batching }: ServedModel): object => ({
  name,
  version,
  sha256,
  inputs: its.inputs,
  outputs: its.outputs,
  opsets: its.opsets,
  batching,
});

function schemaDocument(model: ServedModel): object {
  const title = `${model.name} ${model.version}`;
  const forms = (['plain', 'single', 'v2'] as const).filter(form =>
    hasForm(model.interface, 'request', form),
  );
  return {
    model: model.name,
    version: model.version,
    forms: Object.fromEntries(
      forms.map(form => [
        form,
        {
          request: payloadSchema(model.interface, 'request', form, title),
          ...(hasForm(model.interface, 'response', form)
            ? { response: payloadSchema(model.interface, 'response', form, title) }
            : {}),
          example: payloadExample(model.interface, 'request', form),
        },
      ]),
    ),
  };
}

export interface OwnRoutesOptions {
  readonly access: InferenceAccess;
  readonly view: ServerView;
  readonly toolVersion: string;
  readonly openApi: () => object;
  readonly links: readonly string[];
}

/** QuickServeML's own interface. */
export function ownRoutes(options: OwnRoutesOptions): readonly Route[] {
  const { access, view, toolVersion } = options;
  const models = (): readonly ServedModel[] => access.engine.models();
  const ofModel = (call: Call, answer: (model: ServedModel) => object): Reply => {
    const { name, version } = namedModel(call);
    const choice = access.chooser.choose(name, version, call);
    return choice.kind === 'unknown' ? errorReply(404, choice.message) : jsonReply(answer(choice.model));
  };
  const reading = (path: string, answer: (call: Call) => Reply): Route => ({
    method: 'GET',
    path,
    audience: 'reading',
    kind: 'reply',
    answer,
  });
  return [
    reading('/', () =>
      jsonReply({
        server: 'quickserveml',
        version: toolVersion,
        models: models().map(({ name, version }) => ({ name, version })),
        links: options.links,
      }),
    ),
    {
      method: 'GET',
      path: '/health',
      audience: 'open',
      kind: 'reply',
      answer: () => healthReply(view.snapshot(), models()),
    },
    reading('/model/info', call => ofModel(call, modelDocument)),
    reading('/model/schema', call => ofModel(call, schemaDocument)),
    reading('/openapi.json', () => jsonReply(options.openApi())),
    {
      method: 'POST',
      path: '/predict',
      audience: 'inference',
      kind: 'body',
      answer: (call, body, _parameters, note) =>
        answerInference(access, { call, body, note, kind: 'predict', ...namedModel(call) }),
    },
  ];
}
