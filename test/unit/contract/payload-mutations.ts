import type { ModelInterface, ValueInfo } from '../../../src/model/inspection.ts';
import { elementFacts } from '../../../src/shared/element-types.ts';

/** A payload that is wrong in one way, and how. */
export interface Mutation {
  readonly name: string;
  readonly payload: unknown;
  /** JSON Schema cannot say it; only the validator sees it. */
  readonly beyondSchema?: boolean;
}

type Json = Record<string, unknown>;

const copy = <T>(value: T): T => structuredClone(value);

/** A copy of the value with the first innermost element replaced; null where there is none. */
function withFirstElement(value: unknown, replacement: unknown): unknown {
  if (!Array.isArray(value)) return replacement;
  if (value.length === 0) return null;
  const inner = withFirstElement(value[0], replacement);
  return inner === null && replacement !== null ? null : [inner, ...value.slice(1)];
}

const wrongElements = (info: ValueInfo): readonly (readonly [string, unknown])[] => {
  const facts = elementFacts(info.dtype);
  const common: (readonly [string, unknown])[] = [
    ['null element', null],
    ['object element', {}],
    ['NaN element', Number.NaN],
    ['infinite element', Number.POSITIVE_INFINITY],
    ['negative infinite element', Number.NEGATIVE_INFINITY],
  ];
  switch (facts.kind) {
    case 'integer':
      return [
        ...common,
        ['string for number', '1'],
        ['boolean for number', true],
        ['fraction', 0.5],
        ['above the range', Math.min(Number(facts.max) + 1, 2 ** 53)],
        ['below the range', Math.max(Number(facts.min) - 1, -(2 ** 53))],
        ['far above the range', 1e300],
        ['array for number', [1]],
      ];
    case 'float':
      return [
        ...common,
        ['string for number', '1'],
        ['boolean for number', false],
        ['the string NaN', 'NaN'],
        ['the string Infinity', 'Infinity'],
        ['array for number', [1]],
        ...(info.dtype === 'float64'
          ? []
          : ([
              ['above the range', 1e300],
              ['below the range', -1e300],
            ] as const)),
        ['empty string', ''],
      ];
    case 'bool':
      return [
        ...common,
        ['number for boolean', 1],
        ['zero for boolean', 0],
        ['string for boolean', 'true'],
        ['array for boolean', [true]],
      ];
    default:
      return [...common, ['number for string', 1], ['boolean for string', true], ['array for string', ['a']]];
  }
};

/** At least 30 ways in which a plain request of a model can be wrong. `payload` is one that is right. */
export function mutationsOf(model: ModelInterface, payload: { readonly inputs: Json }): readonly Mutation[] {
  const found: Mutation[] = [];
  const add = (name: string, inputs: unknown, beyondSchema = false): void => {
    found.push({ name, payload: { inputs }, beyondSchema });
  };
  for (const [name, wrong] of [
    ['nothing', null],
    ['a number', 1],
    ['a string', 'x'],
    ['a list', []],
    ['no inputs', {}],
    ['inputs as text', { inputs: 'x' }],
    ['inputs null', { inputs: null }],
    ['inputs as list', { inputs: [] }],
    ['another key', { input: payload.inputs }],
    ['an extra key', { ...payload, extra: 1 }],
    ['true', true],
    ['an empty string', ''],
    ['the payload in a list', [payload]],
    ['the inputs alone', payload.inputs],
    ['inputs true', { inputs: true }],
    ['inputs as number', { inputs: 5 }],
    ['inputs in capitals', { INPUTS: payload.inputs }],
    ['outputs beside inputs', { ...payload, outputs: {} }],
  ] as const) {
    found.push({ name, payload: wrong });
  }
  add('an unknown input', { ...copy(payload.inputs), 'not there': [1] });
  for (const info of model.inputs) {
    const { name } = info;
    const value = payload.inputs[name];
    const others = copy(payload.inputs);
    delete others[name];
    add(`${name}: missing`, others);
    const put = (what: string, wrong: unknown, beyondSchema = false): void =>
      add(`${name}: ${what}`, { ...others, [name]: wrong }, beyondSchema);
    put('null', null);
    put('an object', {});
    put('a wrong object', { base64: 5 });
    put('text that is no base64', { base64: '$$$$', shape: [1] });
    put('an unknown key beside base64', { base64: 'AAAA', shape: [1], more: 1 });
    if (!(info.shape?.length === 0 && elementFacts(info.dtype).kind === 'string'))
      put('a text', 'text that is no number');
    if (info.shape !== null && !(info.shape.length === 0 && elementFacts(info.dtype).kind === 'string'))
      put('a rank too many', [value]);
    if (Array.isArray(value)) {
      if (info.shape !== null) put('a rank too few', value[0]);
      if (typeof info.shape?.[0] === 'number') {
        put('too long', [...value, value[0]]);
        put('too short', value.slice(1));
        put('empty', []);
      }
      if (Array.isArray(value[0])) {
        const [first, ...rest] = value;
        const fixed = typeof info.shape?.[1] === 'number';
        if (fixed) {
          put('a short row', [first.slice(1), ...rest]);
          put('a long row', [[...first, first[0]], ...rest]);
        } else {
          put('ragged rows', [first, [...first, first[0]]], true);
        }
      }
      if (typeof value[0] !== 'object') put('a hole', [undefined, ...value.slice(1)]);
    }
    for (const [what, element] of wrongElements(info)) {
      const wrong = withFirstElement(value, element);
      // A tensor of unknown rank may well be nested one deeper there.
      if (wrong !== null && !(info.shape === null && Array.isArray(element))) put(what, wrong);
    }
  }
  return found;
}
