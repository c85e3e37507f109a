import type { Finding } from '../shared/finding.ts';

/** Element types of ONNX (TensorProto.DataType), in this project's spelling. */
export type Dtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float8e8m0'
  | 'float4e2m1'
  | 'int2'
  | 'uint2'
  | 'int4'
  | 'uint4'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'complex64'
  | 'complex128'
  | 'undefined';

/** A fixed size, a symbol (`"N"`), or null where nothing is known. */
export type Dimension = number | string | null;

/** One input or output of a model. */
export interface ValueInfo {
  readonly name: string;
  readonly kind: 'tensor' | 'sparse_tensor' | 'sequence' | 'map' | 'optional';
  /** Element type of the tensor, or of the innermost tensor of a sequence, map value or optional. */
  readonly dtype: Dtype;
  /** null: the rank is unknown. `[]`: a scalar. */
  readonly shape: readonly Dimension[] | null;
  /** The whole type in ONNX's notation (`seq(map(int64,tensor(float)))`), only where `kind` is not `tensor`. */
  readonly type?: string;
}

export interface ExternalFile {
  /** As the model names it, relative to the model's folder. */
  readonly path: string;
  /** null where the file does not exist. */
  readonly sizeBytes: number | null;
  readonly exists: boolean;
}

/** What `inspect --json` answers. Fields may be added, never renamed. */
export interface Inspection {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string | null;
  readonly format: 'onnx' | 'ort';
  readonly irVersion: number | null;
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: { readonly name: string; readonly version: string };
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodeCount: number;
  readonly subgraphNodeCount: number;
  readonly functionCount: number;
  readonly operators: Readonly<Record<string, number>>;
  readonly initializerCount: number;
  readonly parameterCount: number;
  readonly initializerBytes: Readonly<Record<string, number>>;
  readonly externalData: readonly ExternalFile[];
  readonly findings: readonly Finding[];
}

/** The part of a model that its callers depend on. */
export interface ModelInterface {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly opsets: Readonly<Record<string, number>>;
  /** Inputs that have a default (an initializer of the same name): callers may leave them out. */
  readonly optionalInputs: readonly ValueInfo[];
}
