import {
  type Deployment,
  environmentOf,
  type Manifest,
  MIB,
  mebibytes,
  READY_PATH,
  STOP_SECONDS,
  TARGET_UTILISATION,
  USER_ID,
} from './deployment.ts';
import { yamlManifest } from './manifest-text.ts';

const ref = (name: string): object => ({ Ref: name });
const attribute = (name: string, field: string): object => ({ 'Fn::GetAtt': [name, field] });

const entries = (deployment: Deployment): readonly object[] =>
  Object.entries(environmentOf(deployment)).map(([Name, Value]) => ({ Name, Value }));

function allow(service: string): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  };
}

/** Fargate knows these pairs only: units of 1/1024 processor, and from, to and step of the memory in MiB. */
const FARGATE = [
  { cpu: 256, from: 512, to: 2048, step: 512 },
  { cpu: 512, from: 1024, to: 4096, step: 1024 },
  { cpu: 1024, from: 2048, to: 8192, step: 1024 },
  { cpu: 2048, from: 4096, to: 16_384, step: 1024 },
  { cpu: 4096, from: 8192, to: 30_720, step: 1024 },
  { cpu: 8192, from: 16_384, to: 61_440, step: 4096 },
  { cpu: 16_384, from: 32_768, to: 122_880, step: 8192 },
] as const;

/** The smallest pair that has both. */
export function fargateSize({ cpus, memoryBytes }: Deployment['size']): {
  readonly cpu: number;
  readonly memory: number;
} {
  const wanted = mebibytes(memoryBytes);
  const row =
    FARGATE.find(({ cpu, to }) => cpu >= cpus * 1024 && to >= wanted) ?? FARGATE[FARGATE.length - 1];
  const { cpu = 16_384, from = 32_768, to = 122_880, step = 8192 } = row ?? {};
  return { cpu, memory: Math.min(to, from + Math.ceil(Math.max(0, wanted - from) / step) * step) };
}

/** A CloudFormation template: a Fargate service behind a target group that exists or is made elsewhere. */
export function renderEcs(deployment: Deployment): readonly Manifest[] {
  const { name, image, port, replicas, size, version } = deployment;
  const { cpu, memory } = fargateSize(size);
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `${name}${version === null ? '' : ` ${version}`}, served by QuickServeML on ECS Fargate`,
    Parameters: {
      Cluster: { Type: 'String' },
      Subnets: { Type: 'List<AWS::EC2::Subnet::Id>' },
      SecurityGroups: { Type: 'List<AWS::EC2::SecurityGroup::Id>' },
      TargetGroupArn: { Type: 'String', Description: `Of a load balancer; health check path ${READY_PATH}` },
    },
    Resources: {
      Logs: {
        Type: 'AWS::Logs::LogGroup',
        DeletionPolicy: 'Delete',
        UpdateReplacePolicy: 'Delete',
        Properties: { RetentionInDays: 30 },
      },
      ExecutionRole: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: allow('ecs-tasks.amazonaws.com'),
          ManagedPolicyArns: [
            {
              'Fn::Sub': `arn:\${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy`,
            },
          ],
        },
      },
      Task: {
        Type: 'AWS::ECS::TaskDefinition',
        Properties: {
          Family: name,
          RequiresCompatibilities: ['FARGATE'],
          NetworkMode: 'awsvpc',
          Cpu: String(cpu),
          Memory: String(memory),
          RuntimePlatform: { OperatingSystemFamily: 'LINUX', CpuArchitecture: 'X86_64' },
          ExecutionRoleArn: attribute('ExecutionRole', 'Arn'),
          Volumes: [{ Name: 'tmp' }],
          ContainerDefinitions: [
            {
              Name: 'server',
              Image: image,
              Essential: true,
              User: `${USER_ID}:${USER_ID}`,
              ReadonlyRootFilesystem: true,
              LinuxParameters: { Capabilities: { Drop: ['ALL'] }, InitProcessEnabled: true },
              PortMappings: [{ ContainerPort: port, Protocol: 'tcp' }],
              Environment: entries(deployment),
              MountPoints: [{ SourceVolume: 'tmp', ContainerPath: '/tmp', ReadOnly: false }],
              StopTimeout: STOP_SECONDS,
              LogConfiguration: {
                LogDriver: 'awslogs',
                Options: {
                  'awslogs-group': ref('Logs'),
                  'awslogs-region': ref('AWS::Region'),
                  'awslogs-stream-prefix': name,
                },
              },
            },
          ],
        },
      },
      Service: {
        Type: 'AWS::ECS::Service',
        Properties: {
          Cluster: ref('Cluster'),
          TaskDefinition: ref('Task'),
          LaunchType: 'FARGATE',
          DesiredCount: replicas.min,
          HealthCheckGracePeriodSeconds: size.startSeconds,
          DeploymentConfiguration: {
            MinimumHealthyPercent: 100,
            MaximumPercent: 200,
            DeploymentCircuitBreaker: { Enable: true, Rollback: true },
          },
          NetworkConfiguration: {
            AwsvpcConfiguration: {
              AssignPublicIp: 'DISABLED',
              Subnets: ref('Subnets'),
              SecurityGroups: ref('SecurityGroups'),
            },
          },
          LoadBalancers: [
            { ContainerName: 'server', ContainerPort: port, TargetGroupArn: ref('TargetGroupArn') },
          ],
        },
      },
      Scaling: {
        Type: 'AWS::ApplicationAutoScaling::ScalableTarget',
        Properties: {
          ServiceNamespace: 'ecs',
          ScalableDimension: 'ecs:service:DesiredCount',
          ResourceId: { 'Fn::Sub': [`service/\${Cluster}/\${Name}`, { Name: attribute('Service', 'Name') }] },
          MinCapacity: replicas.min,
          MaxCapacity: replicas.max,
        },
      },
      ScalingPolicy: scalingPolicy(name, 'ECSServiceAverageCPUUtilization', TARGET_UTILISATION * 100),
    },
  };
  return [yamlManifest('ecs.yaml', [template])];
}

function scalingPolicy(name: string, metric: string, target: number): object {
  return {
    Type: 'AWS::ApplicationAutoScaling::ScalingPolicy',
    Properties: {
      PolicyName: name,
      PolicyType: 'TargetTrackingScaling',
      ScalingTargetId: ref('Scaling'),
      TargetTrackingScalingPolicyConfiguration: {
        PredefinedMetricSpecification: { PredefinedMetricType: metric },
        TargetValue: target,
      },
    },
  };
}

/** The smallest instance of the family for inference that has both; m5: 4 GiB a processor. */
function sageMakerInstance({ cpus, memoryBytes }: Deployment['size']): string {
  const sizes = [
    { type: 'ml.m5.large', cpus: 2, memory: 8 },
    { type: 'ml.m5.xlarge', cpus: 4, memory: 16 },
    { type: 'ml.m5.2xlarge', cpus: 8, memory: 32 },
    { type: 'ml.m5.4xlarge', cpus: 16, memory: 64 },
    { type: 'ml.m5.12xlarge', cpus: 48, memory: 192 },
  ] as const;
  const fits = sizes.find(each => each.cpus >= cpus && each.memory * 1024 * MIB * 0.9 >= memoryBytes);
  return fits?.type ?? 'ml.m5.24xlarge';
}

/** A CloudFormation template. SageMaker asks `/ping` and `/invocations` on port 8080, of an image in ECR. */
export function renderSageMaker(
  deployment: Deployment,
  capacityPerSecond: number | null,
): readonly Manifest[] {
  const { name, image, replicas, size, version } = deployment;
  const variant = 'AllTraffic';
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `${name}${version === null ? '' : ` ${version}`}, served by QuickServeML on SageMaker`,
    Resources: {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: allow('sagemaker.amazonaws.com'),
          Policies: [
            {
              PolicyName: 'pull-and-log',
              PolicyDocument: {
                Version: '2012-10-17',
                Statement: [
                  {
                    Effect: 'Allow',
                    Action: [
                      'ecr:GetAuthorizationToken',
                      'ecr:BatchCheckLayerAvailability',
                      'ecr:GetDownloadUrlForLayer',
                      'ecr:BatchGetImage',
                      'logs:CreateLogGroup',
                      'logs:CreateLogStream',
                      'logs:DescribeLogStreams',
                      'logs:PutLogEvents',
                      'cloudwatch:PutMetricData',
                    ],
                    Resource: '*',
                  },
                ],
              },
            },
          ],
        },
      },
      Model: {
        Type: 'AWS::SageMaker::Model',
        Properties: {
          ExecutionRoleArn: attribute('Role', 'Arn'),
          EnableNetworkIsolation: true,
          PrimaryContainer: {
            Image: image,
            Environment: { ...environmentOf(deployment), QUICKSERVEML_SAGEMAKER: '1' },
          },
        },
      },
      EndpointConfiguration: {
        Type: 'AWS::SageMaker::EndpointConfig',
        Properties: {
          ProductionVariants: [
            {
              VariantName: variant,
              ModelName: attribute('Model', 'ModelName'),
              InitialInstanceCount: replicas.min,
              InitialVariantWeight: 1,
              InstanceType: sageMakerInstance(size),
              ContainerStartupHealthCheckTimeoutInSeconds: Math.min(3600, Math.max(60, size.startSeconds)),
            },
          ],
        },
      },
      Endpoint: {
        Type: 'AWS::SageMaker::Endpoint',
        Properties: { EndpointConfigName: attribute('EndpointConfiguration', 'EndpointConfigName') },
      },
      Scaling: {
        Type: 'AWS::ApplicationAutoScaling::ScalableTarget',
        Properties: {
          ServiceNamespace: 'sagemaker',
          ScalableDimension: 'sagemaker:variant:DesiredInstanceCount',
          ResourceId: {
            'Fn::Sub': [
              `endpoint/\${Name}/variant/${variant}`,
              { Name: attribute('Endpoint', 'EndpointName') },
            ],
          },
          MinCapacity: replicas.min,
          MaxCapacity: replicas.max,
        },
      },
      // Of an instance and a minute; where nothing was measured, one a second.
      ScalingPolicy: scalingPolicy(
        name,
        'SageMakerVariantInvocationsPerInstance',
        Math.max(1, Math.floor((capacityPerSecond ?? 1) * 60)),
      ),
    },
  };
  return [yamlManifest('sagemaker.yaml', [template])];
}
