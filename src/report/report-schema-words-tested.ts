import type { SchemaWords } from '../shared/schema-words.ts';

const PAIR = {
  index: 'One number a dimension, from 0; empty for a scalar.',
  expected: 'As text, since JSON has no NaN and no 64-bit integers.',
  actual: 'As text.',
};
const pairIn = (field: string): SchemaWords =>
  Object.fromEntries(Object.entries(PAIR).map(([key, text]) => [`${field}.${key}`, text]));

/** The words for cases, drift and accuracy. */
export const TESTED_WORDS: Readonly<Record<string, SchemaWords>> = {
  cases: {
    cases: 'One entry for each case that was found; empty where there are none.',
    drift: 'Null where nothing was compared.',
    accuracy: 'Null where no dataset is configured.',
  },
  case: {
    name: 'Folder or file that holds it.',
    'kind=passed': 'Every output is within its tolerance.',
    'kind=passed.outputs': 'One entry for each expected output.',
    'kind=failed': 'At least one output is not.',
    'kind=failed.outputs': 'One entry for each expected output.',
    'kind=no-reference': 'It has inputs and no expected outputs; `test --update` writes them.',
    'kind=updated': 'Expected outputs were written.',
    'kind=updated.changed': 'Those that were others before.',
    'kind=error': 'The model failed on these inputs.',
    error: 'What the runtime or the reader said.',
    'error.code': 'Permanent name, as docs/errors.md lists it.',
    'error.message': 'What happened, with the name of the thing.',
    'error.hint': 'What to do about it.',
    'kind=not-runnable': "onnxruntime's JavaScript binding cannot pass such values: no verdict.",
    reason: 'Which value, for people.',
  },
  comparedOutput: {
    output: 'Name; `scores[1]` and `scores["cat"]` for what is in a sequence or map.',
    'kind=close': 'Every element is within the tolerance.',
    'kind=different': 'At least one element is not.',
    tolerance: 'An element may differ by `absolute + relative × |expected|`.',
    'tolerance.absolute': "In the output's own unit.",
    'tolerance.relative': 'A share: 0.001 is 0.1 %.',
    statistics: 'How the elements differ.',
    'kind=mismatch': 'Other dtype, shape or structure, or not there at all.',
    reason: 'What differs, for people.',
  },
  statistics: {
    elements: 'Of one tensor; in `drift`, over all runs.',
    differing: 'Elements beyond the tolerance.',
    share: '`differing / elements`; 0 for an empty tensor.',
    first: 'The first element beyond the tolerance, in row-major order; null: there is none.',
    ...pairIn('first'),
    largestAbsolute:
      'Over elements that are finite on both sides; null where they are equal, or there are none.',
    'largestAbsolute.value': '|actual − expected|.',
    ...pairIn('largestAbsolute'),
    largestRelative:
      'Over elements whose expected value is not 0; null where they are equal, or there are none.',
    'largestRelative.value': '|actual − expected| / |expected|.',
    ...pairIn('largestRelative'),
    meanAbsolute: '|actual − expected|, on average.',
    specials: 'Elements that are NaN or infinite on one side and not the same on the other.',
    scale: 'Largest finite |expected|.',
    differingNearZero:
      'Differing elements whose expected value is below a ten-thousandth of `scale`: relative differences say nothing there.',
  },
  drift: {
    cause: 'What differs between the two sides: with the same bytes it is the runtime.',
    inputs: 'Where the inputs came from.',
    runs: 'Sets of inputs that both sides were run with.',
    outputs: "One entry for each of the base's outputs.",
    'outputs.output': "The base's name for it.",
    'outputs.statistics': 'The base is what is expected; null where dtype or shape differ.',
    'outputs.reason': 'How dtype or shape differ; null where they are the same.',
    'outputs.cosine':
      'Cosine of the angle between the two outputs as vectors, over all runs; null where one is all zeros or they are no numbers.',
    'outputs.topOneAgreement':
      'Share of rows with the same largest element; null for outputs of no or one class.',
    'outputs.rows': 'Rows behind `topOneAgreement`.',
  },
  accuracy: {
    dataset: 'Path, as configured.',
    rows: 'Labelled rows that both sides were run with.',
    output: 'Of the model, which was held against the labels.',
    metrics: 'One entry for each metric that is configured.',
    'metrics.metric': '`accuracy`, `top-5`, `f1`, `mae`, as the configuration names it.',
    'metrics.candidate':
      "In the metric's own unit; null where it is not defined for these labels (AUC with one class).",
    'metrics.base': 'The same of the base; null without one.',
    'metrics.drop':
      "How much worse the candidate is, in the metric's unit: positive is worse; null without a base.",
    'metrics.test': 'How sure it is that the drop is more than chance; null where it could not be tested.',
    'metrics.test.method': 'McNemar for shares of right rows, else a paired bootstrap.',
    'metrics.test.pValue': 'One-sided: how likely such a drop is where there is none.',
    'metrics.test.interval': "Of the drop; null for McNemar's test.",
    'metrics.test.interval.low': "Lower end, in the metric's unit.",
    'metrics.test.interval.high': "Upper end, in the metric's unit.",
    'metrics.test.interval.confidence': 'Two-sided.',
    'metrics.policy': "The rule that was applied, in the metric's unit.",
    'metrics.policy.min': 'Below this it fails; above it, for errors such as `mae`; null: no limit.',
    'metrics.policy.maxDrop': 'Largest tolerated drop; null: drops are only shown.',
    'metrics.outcome': 'What came of it.',
    notANumber: 'Rows whose output was NaN: counted as wrong.',
  },
  accuracyOutcome: {
    'kind=passed': 'Within the policy.',
    'kind=below-minimum': 'Worse than `policy.min`.',
    minimum: "`policy.min`, in the metric's unit.",
    'kind=dropped': 'More than tolerated, and not by chance.',
    'kind=inconclusive': 'More than tolerated, but chance does that too with so few rows.',
    'kind=no-baseline': 'A drop is limited, and no base ran on these rows.',
    maxDrop: "`policy.maxDrop`, in the metric's unit.",
    'kind=undefined': 'The metric cannot be computed.',
    reason: 'Why not, for people.',
  },
};
