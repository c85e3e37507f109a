import { QuickServeError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { type DecodeContext, decodeEntry, decodeOpset, decodeText } from './decode-context.ts';
import { recogniseForeignMessage } from './foreign-message.ts';
import { decodeFunction, decodeGraph, decodeTrainingInfo } from './graph-decoder.ts';
import type { ReaderLimits } from './limits.ts';
import type { FunctionDefinition, Graph, MetadataEntry, Model, OpsetImport, TrainingInfo } from './model.ts';
import { MODEL } from './onnx-schema.ts';
import { ProblemLog } from './problem-log.ts';
import { WireReader } from './wire-reader.ts';

/** protobuf's own limit; onnxruntime refuses larger files too. */
const LARGEST_PROTOBUF_BYTES = 2 ** 31 - 1;

/**
 * Decodes a file as ModelProto. Cost follows the structure: payloads are skipped by offset.
 * Throws MODEL_TRUNCATED, MODEL_MALFORMED, MODEL_LIMIT, or MODEL_NOT_ONNX where it is another protobuf message.
 */
export function decodeModel(source: ByteSource, limits: ReaderLimits): Model {
  const problems = new ProblemLog();
  const reader = new WireReader(source, limits);
  try {
    return decodeModelProto(source, { reader, problems, limits });
  } catch (error) {
    if (error instanceof QuickServeError && error.code !== 'MODEL_LIMIT') {
      const foreign = recogniseForeignMessage(source);
      if (foreign !== null) throw notOnnx(source, foreign, error);
    }
    throw error;
  }
}

function decodeModelProto(source: ByteSource, context: DecodeContext): Model {
  const { reader, problems } = context;
  let irVersion: number | null = null;
  let producerName = '';
  let producerVersion = '';
  let domain = '';
  let modelVersion = 0;
  let docString = '';
  let graph: Graph | undefined;
  const opsets: OpsetImport[] = [];
  const metadata: MetadataEntry[] = [];
  const functions: FunctionDefinition[] = [];
  const trainingInfo: TrainingInfo[] = [];

  reader.enterFile(MODEL.name);
  for (let field = reader.next(MODEL); field; field = reader.next(MODEL)) {
    switch (field) {
      case 'ir_version':
        irVersion = reader.int();
        break;
      case 'producer_name':
        producerName = decodeText(context, 'The name of the producer');
        break;
      case 'producer_version':
        producerVersion = decodeText(context, 'The version of the producer');
        break;
      case 'domain':
        domain = decodeText(context, 'The domain of the model');
        break;
      case 'model_version':
        modelVersion = reader.int();
        break;
      case 'doc_string':
        docString = decodeText(context, 'The documentation of the model');
        break;
      case 'graph':
        graph = decodeGraph(context);
        break;
      case 'opset_import':
        decodeOpset(context, opsets);
        break;
      case 'metadata_props':
        reader.keep(1);
        metadata.push(decodeEntry(context, 'the metadata'));
        break;
      case 'training_info':
        trainingInfo.push(decodeTrainingInfo(context));
        break;
      case 'functions':
        functions.push(decodeFunction(context));
        break;
      case 'configuration':
        break;
    }
  }
  if (graph === undefined) throw withoutGraph(source, irVersion);
  reportUnknownFields(problems, reader.unknownFields);
  if (source.sizeBytes > LARGEST_PROTOBUF_BYTES) {
    problems.add({
      code: 'MODEL_OVER_2_GIB',
      severity: 'error',
      message: `The file has ${source.sizeBytes} bytes; protobuf, and with it onnxruntime, ends at ${LARGEST_PROTOBUF_BYTES}.`,
      hint: 'Save the weights as external data (onnx.save_model with save_as_external_data=True).',
    });
  }
  return {
    path: source.name,
    sizeBytes: source.sizeBytes,
    format: 'onnx',
    irVersion,
    opsets,
    producer: { name: producerName, version: producerVersion },
    domain,
    modelVersion,
    docString,
    metadata,
    graph,
    functions,
    trainingInfo,
    findings: problems.list(),
  };
}

function reportUnknownFields(problems: ProblemLog, unknownFields: ReadonlySet<string>): void {
  if (unknownFields.size === 0) return;
  problems.add({
    code: 'MODEL_UNKNOWN_FIELDS',
    severity: 'info',
    message: `The file has fields that ONNX IR version 13 does not define: ${[...unknownFields].slice(0, 5).join(', ')}.`,
    hint: 'They were skipped, as every reader does. A newer ONNX or a private extension wrote them.',
  });
}

function withoutGraph(source: ByteSource, irVersion: number | null): QuickServeError {
  if (irVersion === null)
    return notOnnx(source, 'a protobuf message without the fields of an ONNX model', undefined);
  return new QuickServeError({
    code: 'MODEL_TRUNCATED',
    message: `${source.name} is cut off after ${source.sizeBytes} bytes: it starts like an ONNX model and has no graph.`,
    hint: 'The download or copy was not complete. Fetch the file again, and compare its size and checksum.',
  });
}

function notOnnx(source: ByteSource, what: string, cause: unknown): QuickServeError {
  return new QuickServeError({
    code: 'MODEL_NOT_ONNX',
    message: `${source.name} is no ONNX model: it is ${what}.`,
    hint: 'Name the file that holds the whole model (ModelProto), usually model.onnx.',
    cause,
  });
}
