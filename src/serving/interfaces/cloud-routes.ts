import type { Route } from '../call.ts';
import type { ServingSettings } from '../settings.ts';
import type { ServerView } from '../watcher.ts';
import { healthReply } from '../watching/health.ts';
import { answerInference, type InferenceAccess } from './inference-replies.ts';
import { namedModel } from './own-routes.ts';

function inference(access: InferenceAccess, path: string, kind: 'any' | 'instances'): Route {
  return {
    method: 'POST',
    path,
    audience: 'inference',
    kind: 'body',
    answer: (call, body, _parameters, note) =>
      answerInference(access, { call, body, note, kind, ...namedModel(call) }),
  };
}

/**
 * Amazon SageMaker (`/ping`, `/invocations`: "Use Your Own Inference Code with Hosting Services") and Vertex AI ("Custom
 * container requirements for prediction"), where the settings ask for them.
 */
export function cloudRoutes(
  { sageMaker, vertex }: ServingSettings['interfaces'],
  access: InferenceAccess,
  view: ServerView,
): readonly Route[] {
  const health = (path: string): Route => ({
    method: 'GET',
    path,
    audience: 'open',
    kind: 'reply',
    answer: () => healthReply(view.snapshot(), access.engine.models()),
  });
  return [
    ...(sageMaker ? [health('/ping'), inference(access, '/invocations', 'any')] : []),
    ...(vertex === null
      ? []
      : [health(vertex.healthRoute), inference(access, vertex.predictRoute, 'instances')]),
  ];
}
