import { isUtf8 } from 'node:buffer';

/** What a file is, by its first bytes. */
export type FileType =
  | { readonly kind: 'ort' }
  | { readonly kind: 'lfs-pointer'; readonly oid: string | null; readonly sizeBytes: number | null }
  | { readonly kind: 'foreign'; readonly name: string; readonly hint: string }
  | { readonly kind: 'unknown' };

/** How many bytes from the start `recogniseFileType` wants. */
export const FILE_TYPE_BYTES = 1024;

const CONVERT_PYTORCH = 'Export it with torch.onnx.export and name the result.';
const CONVERT_TENSORFLOW = 'Convert it with tf2onnx and name the result.';
const UNPACK = 'Unpack it and name the .onnx file inside.';
const NO_MODEL =
  'Name the .onnx or .ort file itself, or export or fetch the model again if this should be it.';

/** Signatures at a fixed place; the first that fits wins. */
const SIGNATURES: readonly {
  readonly at: number;
  readonly bytes: string;
  readonly name: string;
  readonly hint: string;
}[] = [
  { at: 0, bytes: '\x89PNG\r\n\x1a\n', name: 'a PNG image', hint: NO_MODEL },
  { at: 0, bytes: '\xff\xd8\xff', name: 'a JPEG image', hint: NO_MODEL },
  { at: 0, bytes: 'GIF8', name: 'a GIF image', hint: NO_MODEL },
  { at: 0, bytes: '%PDF-', name: 'a PDF document', hint: NO_MODEL },
  { at: 0, bytes: '\x1f\x8b\x08', name: 'a gzip archive', hint: UNPACK },
  { at: 0, bytes: 'BZh', name: 'a bzip2 archive', hint: UNPACK },
  { at: 0, bytes: '\xfd7zXZ\x00', name: 'an xz archive', hint: UNPACK },
  { at: 0, bytes: '\x28\xb5\x2f\xfd', name: 'a Zstandard archive', hint: UNPACK },
  { at: 0, bytes: '7z\xbc\xaf\x27\x1c', name: 'a 7-Zip archive', hint: UNPACK },
  { at: 0, bytes: 'Rar!\x1a\x07', name: 'a RAR archive', hint: UNPACK },
  { at: 257, bytes: 'ustar', name: 'a tar archive', hint: UNPACK },
  {
    at: 0,
    bytes: 'GGUF',
    name: 'a GGUF model (llama.cpp)',
    hint: 'Export the original model to ONNX, with Optimum for example.',
  },
  { at: 4, bytes: 'TFL3', name: 'a TensorFlow Lite model', hint: CONVERT_TENSORFLOW },
  {
    at: 0,
    bytes: '\x89HDF\r\n\x1a\n',
    name: 'an HDF5 file (Keras saves models so)',
    hint: CONVERT_TENSORFLOW,
  },
  { at: 0, bytes: '\x93NUMPY', name: 'a NumPy array (.npy)', hint: NO_MODEL },
  { at: 0, bytes: '\x7fELF', name: 'an ELF program or library', hint: NO_MODEL },
  { at: 0, bytes: 'MZ\x90\x00', name: 'a Windows program or library', hint: NO_MODEL },
  { at: 0, bytes: 'SQLite format 3\x00', name: 'an SQLite database', hint: NO_MODEL },
  { at: 0, bytes: 'PAR1', name: 'a Parquet file', hint: NO_MODEL },
];

/** Recognises a file by its first FILE_TYPE_BYTES bytes. `unknown` is what an ONNX model is: protobuf has no signature. */
export function recogniseFileType(start: Buffer, sizeBytes: number): FileType {
  if (isOrtFormat(start, sizeBytes)) return { kind: 'ort' };
  const latin1 = start.toString('latin1');
  if (latin1.startsWith('version https://git-lfs.github.com/spec/')) return readLfsPointer(latin1);
  if (latin1.startsWith('PK\x03\x04')) return foreignZip(latin1);
  for (const { at, bytes, name, hint } of SIGNATURES) {
    if (latin1.startsWith(bytes, at)) return { kind: 'foreign', name, hint };
  }
  return (
    recogniseSafetensors(start, latin1, sizeBytes) ??
    recognisePickle(start) ??
    recogniseText(start, latin1) ??
    UNKNOWN
  );
}

const UNKNOWN: FileType = { kind: 'unknown' };

/** FlatBuffers with the file identifier ORTM. The offset of the root is checked too: ONNX files may hold these letters there. */
function isOrtFormat(start: Buffer, sizeBytes: number): boolean {
  if (start.length < 8 || start.toString('latin1', 4, 8) !== 'ORTM') return false;
  const root = start.readUInt32LE(0);
  return root >= 8 && root < Math.min(sizeBytes, 0x10000) && root % 4 === 0;
}

function readLfsPointer(text: string): FileType {
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1] ?? null;
  const size = /^size (\d{1,15})$/m.exec(text)?.[1];
  return { kind: 'lfs-pointer', oid, sizeBytes: size === undefined ? null : Number(size) };
}

function foreignZip(latin1: string): FileType {
  const nameLength = latin1.charCodeAt(26) + latin1.charCodeAt(27) * 256;
  const firstEntry = latin1.slice(30, 30 + nameLength);
  if (/(^|\/)(data\.pkl|byteorder|version|code\/.*|\.format_version)$/.test(firstEntry)) {
    return { kind: 'foreign', name: 'a PyTorch file (zip)', hint: CONVERT_PYTORCH };
  }
  if (firstEntry.endsWith('.npy')) return { kind: 'foreign', name: 'a NumPy archive (.npz)', hint: NO_MODEL };
  if (/^(metadata\.json|config\.json|model\.weights\.h5)$/.test(firstEntry)) {
    return { kind: 'foreign', name: 'a Keras model (.keras)', hint: CONVERT_TENSORFLOW };
  }
  return { kind: 'foreign', name: 'a zip archive', hint: UNPACK };
}

/** Eight bytes of length, then a JSON header of that length. */
function recogniseSafetensors(start: Buffer, latin1: string, sizeBytes: number): FileType | null {
  if (start.length < 10 || !/^\{\s*"/.test(latin1.slice(8, 24))) return null;
  const headerBytes = start.readUInt32LE(0) + start.readUInt32LE(4) * 2 ** 32;
  if (headerBytes < 2 || headerBytes + 8 > sizeBytes) return null;
  return {
    kind: 'foreign',
    name: 'a safetensors file',
    hint: 'It holds weights without a graph. Export the model to ONNX.',
  };
}

function recognisePickle(start: Buffer): FileType | null {
  const [first, protocol = 0, opcode = 0] = start;
  // PROTO 2..5, then FRAME, GLOBAL, EMPTY_DICT, MARK, BINUNICODE, LONG1 or an empty tuple or list.
  if (
    first !== 0x80 ||
    protocol < 2 ||
    protocol > 5 ||
    !'\x95c}(X\x8a)]'.includes(String.fromCharCode(opcode))
  )
    return null;
  return {
    kind: 'foreign',
    name: 'a Python pickle (old PyTorch and scikit-learn files are)',
    hint: CONVERT_PYTORCH,
  };
}

function recogniseText(start: Buffer, latin1: string): FileType | null {
  if (start.length === 0) return null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character is what tells binary from text
  if (/[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]/.test(latin1)) return null;
  if (!isUtf8(start) && !isUtf8(start.subarray(0, start.length - 3))) return null;
  const text = start
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  if (/^<(!doctype html|html|head|body|!--)/i.test(text)) {
    return {
      kind: 'foreign',
      name: 'an HTML page',
      hint: 'A download answered with an error or login page. Open the link in a browser to see it.',
    };
  }
  if (/^<\?xml|^<[a-z]/i.test(text)) return { kind: 'foreign', name: 'an XML document', hint: NO_MODEL };
  if (/^[{[]/.test(text)) return { kind: 'foreign', name: 'a JSON document', hint: NO_MODEL };
  if (/^\s*(ir_version|graph|producer_name)\s*[:{]/m.test(text)) {
    return {
      kind: 'foreign',
      name: 'a model in protobuf text format',
      hint: 'Convert it with onnx.parser or protoc --encode.',
    };
  }
  return { kind: 'foreign', name: 'a text file', hint: NO_MODEL };
}
