interface ErrorKind {
  /** The exit code where the error ends a command: 2 usage, configuration or input; 3 infrastructure. */
  readonly exit: 2 | 3;
  /** One sentence for docs/errors.md. */
  readonly summary: string;
}

/** Every code that QuickServeML can report. Codes are permanent: add, never rename. docs/errors.md is generated from here. */
export const ERROR_CATALOG = {
  USAGE: { exit: 2, summary: 'The command line or the action inputs cannot be understood.' },
  NODE_TOO_OLD: {
    exit: 2,
    summary: 'The Node.js that runs the command is older than the oldest supported one.',
  },
  CONFIG_INVALID: { exit: 2, summary: 'quickserveml.yml has errors; each is listed with its line.' },
  CONFIG_NOT_FOUND: { exit: 2, summary: 'The configuration file that was named does not exist.' },
  NO_MODELS: { exit: 2, summary: 'There is no model to check: none is configured and none was found.' },
  FILE_UNREADABLE: { exit: 2, summary: 'A file that was named cannot be read.' },
  OUTPUT_UNWRITABLE: { exit: 2, summary: 'A file or folder that was to be written cannot be written.' },
  GRAPH_TOO_LARGE: { exit: 2, summary: 'The graph of the model has too many different parts to be drawn.' },

  MODEL_NOT_FOUND: { exit: 2, summary: 'The model file does not exist.' },
  MODEL_EMPTY: { exit: 2, summary: 'The model file has no bytes.' },
  MODEL_TRUNCATED: { exit: 2, summary: 'The model file ends before its structure does.' },
  MODEL_MALFORMED: { exit: 2, summary: 'The bytes are not a well-formed ONNX protobuf message.' },
  MODEL_NOT_ONNX: { exit: 2, summary: 'The file is something else than an ONNX model.' },
  MODEL_LIMIT: {
    exit: 2,
    summary: 'The model exceeds a limit that protects the reader (depth, count, name length).',
  },
  MODEL_LFS_POINTER: { exit: 2, summary: 'The file is a Git LFS pointer; the model itself is not there.' },
  MODEL_INVALID: { exit: 2, summary: 'The model can be decoded but breaks a rule of the ONNX format.' },
  EXTERNAL_DATA_MISSING: { exit: 2, summary: 'A file with external tensor data does not exist.' },
  EXTERNAL_DATA_ESCAPES: { exit: 2, summary: 'External data points outside the folder of the model.' },
  EXTERNAL_DATA_RANGE: { exit: 2, summary: 'External data lies past the end of its file.' },
  EXTERNAL_DATA_NOT_A_FILE: { exit: 2, summary: 'External data is not a regular file.' },

  RUNTIME_NOT_FOUND: { exit: 3, summary: 'onnxruntime-node is not installed and could not be fetched.' },
  RUNTIME_UNSUPPORTED_PLATFORM: { exit: 3, summary: 'onnxruntime-node has no build for this platform.' },
  RUNTIME_DOWNLOAD_FAILED: { exit: 3, summary: 'The files of onnxruntime-node could not be downloaded.' },
  RUNTIME_HASH_MISMATCH: { exit: 3, summary: 'A downloaded file of onnxruntime-node is not the pinned one.' },
  RUNTIME_ARCHIVE_INVALID: {
    exit: 2,
    summary: 'An archive of onnxruntime is damaged, or of another release.',
  },
  RUNTIME_PROVIDER_UNAVAILABLE: {
    exit: 2,
    summary: 'The execution provider is not in this build of onnxruntime.',
  },
  RUNTIME_UNSUPPORTED_MODEL: { exit: 2, summary: 'The installed onnxruntime cannot run this model.' },
  WORKER_START_FAILED: { exit: 3, summary: 'The process that holds the runtime could not be started.' },
  WORKER_CRASHED: { exit: 2, summary: 'The model made the runtime process die with a signal.' },
  WORKER_TIMEOUT: { exit: 2, summary: 'The model did not load or run within the time limit.' },
  WORKER_OUT_OF_MEMORY: { exit: 2, summary: 'The model needed more memory than the limit allows.' },
  MODEL_LOAD_REFUSED: { exit: 2, summary: 'onnxruntime refused to load the model.' },
  MODEL_RUN_FAILED: { exit: 2, summary: 'onnxruntime loaded the model but a run failed.' },
  INPUTS_UNAVAILABLE: { exit: 2, summary: 'No inputs could be made for the model.' },

  PROXY_INVALID: { exit: 2, summary: 'A proxy setting is no address of a proxy.' },

  GIT_NOT_FOUND: { exit: 3, summary: 'There is no git command.' },
  GIT_FAILED: { exit: 3, summary: 'A git command failed.' },
  NOT_A_REPOSITORY: { exit: 2, summary: 'The folder is not inside a git repository.' },
  BASE_NOT_FOUND: {
    exit: 2,
    summary: 'The base that was named is not a commit of this repository or its remote.',
  },
  REMOTE_UNREACHABLE: { exit: 3, summary: 'The git remote does not answer.' },
  REMOTE_REFUSED: { exit: 3, summary: 'The git remote refused: authentication or permission is missing.' },
  LFS_OBJECT_UNAVAILABLE: { exit: 3, summary: 'A Git LFS object could not be fetched.' },

  REGISTRY_NOT_INITIALISED: { exit: 2, summary: 'The registry branch does not exist.' },
  REGISTRY_MALFORMED: { exit: 3, summary: 'A file on the registry branch is not what its place says.' },
  REGISTRY_FORMAT_UNKNOWN: {
    exit: 3,
    summary: 'The registry branch was written in a format that this version does not know.',
  },
  REGISTRY_CONFLICT: {
    exit: 3,
    summary: 'The registry branch kept changing and the write did not get through.',
  },
  REGISTRY_WRITE_REFUSED: { exit: 3, summary: 'The remote refuses pushes to the registry branch.' },
  VERSION_NOT_FOUND: { exit: 2, summary: 'The registry has no such model or version.' },
  VERSION_DELETED: { exit: 2, summary: 'The version was deleted from the registry.' },
  VERSION_BYTES_GONE: { exit: 3, summary: 'The bytes of a version are no longer where its record says.' },
  SIGNATURE_FAILED: { exit: 3, summary: 'A signature could not be made or checked.' },
  BACKUP_INVALID: { exit: 2, summary: 'A backup of the registry is damaged, or not one.' },
  IMPORT_INVALID: { exit: 2, summary: 'A file that was to be imported is not what it should be.' },

  REPORT_INVALID: { exit: 2, summary: 'The file is not a QuickServeML report.' },
  REPORT_TOO_LARGE: { exit: 2, summary: 'The report is larger than a report can be.' },
  SHARDS_MISMATCHED: { exit: 2, summary: 'Reports of shards do not belong to one check.' },
  SHARD_MISSING: { exit: 3, summary: 'A shard of the check left no report, so its models were not judged.' },
  CASE_INVALID: { exit: 2, summary: 'A file of a test case cannot be used.' },
  CASES_NOT_FOUND: { exit: 2, summary: 'There are no test cases where some were named.' },
  DATASET_INVALID: { exit: 2, summary: 'A labelled dataset cannot be used with this model.' },
  RECORDS_INVALID: { exit: 2, summary: 'A file of records cannot be used with this model.' },
  RECORD_INVALID: { exit: 2, summary: 'One record of many cannot be read, or is not what the model takes.' },
  RECORD_NOT_RUN: {
    exit: 3,
    summary: 'One record of many was not run: no worker of the server was free in time, or it was stopping.',
  },
  PAYLOAD_INVALID: { exit: 2, summary: 'A payload file is not JSON.' },
  CONTRACT_FILE_INVALID: { exit: 2, summary: 'A contract file is not what it should be.' },
  PREPARE_FAILED: { exit: 2, summary: 'The prepare command of the configuration failed.' },

  IMAGE_REFERENCE_INVALID: { exit: 2, summary: 'The name of a container image cannot be read.' },
  IMAGE_NOT_FOUND: {
    exit: 2,
    summary: 'The container registry has no such image, or none for the platform.',
  },
  IMAGE_UNUSABLE: { exit: 2, summary: 'An image, or its manifest, is not what it should be.' },
  IMAGE_DIGEST_MISMATCH: { exit: 3, summary: 'Bytes of an image are not those that their digest names.' },
  IMAGE_KEY_INVALID: { exit: 2, summary: 'A key that images are signed or verified with cannot be used.' },
  TRUST_ROOT_UNAVAILABLE: {
    exit: 3,
    summary: 'The authorities of sigstore, from which certificates are believed, cannot be had.',
  },
  REGISTRY_CREDENTIALS_UNREADABLE: {
    exit: 2,
    summary: 'The credentials for a container registry cannot be read.',
  },
  CONTAINER_REGISTRY_UNREACHABLE: { exit: 3, summary: 'The container registry does not answer.' },
  CONTAINER_REGISTRY_REFUSED: {
    exit: 3,
    summary: 'The container registry refused: authentication or permission is missing.',
  },
  CONTAINER_REGISTRY_FAILED: {
    exit: 3,
    summary: 'The container registry answered with something that does not help.',
  },

  SERVING_SETTINGS_INVALID: { exit: 2, summary: 'The settings of the server have errors.' },
  SERVING_START_FAILED: { exit: 3, summary: 'The server could not listen, or its workers could not start.' },

  ALERT_FAILED: { exit: 3, summary: 'A place that is to be told of production was not reached.' },
  COMMENT_FAILED: { exit: 3, summary: 'The comment could not be posted.' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_CATALOG;
