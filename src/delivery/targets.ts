import { renderEcs, renderSageMaker } from './aws.ts';
import { renderAzureMl, renderContainerApps } from './azure.ts';
import { renderCompose } from './compose.ts';
import type { Deployment, Manifest } from './deployment.ts';
import { renderCloudRun, renderKnative, renderKserve } from './knative.ts';
import { renderKubernetes } from './kubernetes.ts';
import type { TargetName } from './target-names.ts';
import { renderVertex } from './vertex.ts';

interface Target {
  /** @param capacityPerSecond of one copy; null: nothing was measured. */
  readonly render: (deployment: Deployment, capacityPerSecond: number | null) => readonly Manifest[];
  /** How it is put to use. */
  readonly use: string;
}

/** Where a server can be delivered to. */
export const TARGETS = {
  kubernetes: { render: renderKubernetes, use: 'kubectl apply -f kubernetes.yaml' },
  kserve: { render: renderKserve, use: 'kubectl apply -f kserve.yaml' },
  knative: { render: renderKnative, use: 'kubectl apply -f knative.yaml' },
  compose: { render: renderCompose, use: 'docker compose -f compose.yaml up --detach' },
  sagemaker: {
    render: renderSageMaker,
    use: 'aws cloudformation deploy --template-file sagemaker.yaml --stack-name NAME --capabilities CAPABILITY_IAM',
  },
  ecs: {
    render: renderEcs,
    use: 'aws cloudformation deploy --template-file ecs.yaml --stack-name NAME --capabilities CAPABILITY_IAM --parameter-overrides ...',
  },
  'cloud-run': { render: renderCloudRun, use: 'gcloud run services replace cloud-run.yaml' },
  vertex: {
    render: renderVertex,
    use: 'POST vertex-model.json to models:upload, then vertex-deployment.json',
  },
  'azure-ml': {
    render: renderAzureMl,
    use: 'az ml online-endpoint create -f azure-ml-endpoint.yaml && az ml online-deployment create -f azure-ml-deployment.yaml',
  },
  'container-apps': {
    render: renderContainerApps,
    use: 'az containerapp create --resource-group GROUP --environment ENVIRONMENT --yaml container-app.yaml',
  },
} as const satisfies Readonly<Record<TargetName, Target>>;
