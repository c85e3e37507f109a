import { bytesField, type ProtoField, protoFields, varintField } from '../shared/proto-fields.ts';
import { decodeTensorProto, encodeTensorProto } from '../shared/tensor-proto.ts';
import type { CaseValue, NamedValue } from './case-value.ts';

/** Fields of SequenceProto and OptionalProto (onnx-data.proto); both have the name first and the element kind second. */
const SEQUENCE = { name: 1, elementKind: 2, tensors: 3, sequences: 5, optionals: 7 } as const;
const OPTIONAL = { name: 1, elementKind: 2, tensor: 3, sequence: 5, optional: 7 } as const;
const ELEMENT_KIND = { tensor: 1, sequence: 3, optional: 5 } as const;

const text = new TextDecoder();

const nested = (field: ProtoField): Uint8Array => field.bytes;

function decodeSequence(bytes: Uint8Array): NamedValue {
  let name = '';
  const elements: CaseValue[] = [];
  for (const field of protoFields(bytes)) {
    if (field.number === SEQUENCE.name) name = text.decode(field.bytes);
    else if (field.number === SEQUENCE.tensors)
      elements.push({ kind: 'tensor', tensor: decodeTensorProto(nested(field)) });
    else if (field.number === SEQUENCE.sequences) elements.push(decodeSequence(nested(field)).value);
    else if (field.number === SEQUENCE.optionals) elements.push(decodeOptional(nested(field)).value);
    else if (field.number !== SEQUENCE.elementKind)
      throw new RangeError('is a sequence of maps or sparse tensors, which cases cannot have');
  }
  return { name, value: { kind: 'sequence', elements } };
}

function decodeOptional(bytes: Uint8Array): NamedValue {
  let name = '';
  let value: CaseValue = { kind: 'absent' };
  for (const field of protoFields(bytes)) {
    if (field.number === OPTIONAL.name) name = text.decode(field.bytes);
    else if (field.number === OPTIONAL.tensor)
      value = { kind: 'tensor', tensor: decodeTensorProto(nested(field)) };
    else if (field.number === OPTIONAL.sequence) value = decodeSequence(nested(field)).value;
    else if (field.number === OPTIONAL.optional) value = decodeOptional(nested(field)).value;
    else if (field.number !== OPTIONAL.elementKind)
      throw new RangeError('is an optional map or sparse tensor, which cases cannot have');
  }
  return { name, value };
}

/**
 * Decodes a .pb file of a test case. The file does not say what it holds: the kind is that of the model's input or output.
 * @throws RangeError saying what is wrong with it.
 */
export function decodeCaseProto(
  bytes: Uint8Array,
  kind: 'tensor' | 'sequence' | 'optional' | 'map' | 'sparse_tensor',
): NamedValue {
  if (kind === 'sequence') return decodeSequence(bytes);
  if (kind === 'optional') return decodeOptional(bytes);
  if (kind === 'map') throw new RangeError('is a map, which cases cannot have');
  const { name, ...tensor } = decodeTensorProto(bytes);
  return { name, value: { kind: 'tensor', tensor } };
}

/** The .pb file of any value: TensorProto, SequenceProto or OptionalProto. */
export function encodeCaseProto(value: CaseValue, name: string): Uint8Array {
  const label = bytesField(SEQUENCE.name, new TextEncoder().encode(name));
  switch (value.kind) {
    case 'tensor':
      return encodeTensorProto(value.tensor, name);
    case 'absent':
      return label;
    case 'map':
      throw new RangeError('a map cannot be written as a case');
    case 'sequence': {
      const [first] = value.elements;
      const kind = first?.kind === 'sequence' ? ELEMENT_KIND.sequence : ELEMENT_KIND.tensor;
      const field = kind === ELEMENT_KIND.sequence ? SEQUENCE.sequences : SEQUENCE.tensors;
      const elements = value.elements.map(element => bytesField(field, encodeCaseProto(element, '')));
      return Buffer.concat([label, varintField(SEQUENCE.elementKind, kind), ...elements]);
    }
  }
}
