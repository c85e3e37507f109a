/** Where a server can be delivered to; apart from the renderers, so that a start of the command line does not read those. */
export const TARGET_NAMES = [
  'kubernetes',
  'kserve',
  'knative',
  'compose',
  'sagemaker',
  'ecs',
  'cloud-run',
  'vertex',
  'azure-ml',
  'container-apps',
] as const;
export type TargetName = (typeof TARGET_NAMES)[number];
