import { setsASize, sizeNamesOf } from '../../benchmark/input-names.ts';
import type { ModelConfig } from '../../config/config.ts';
import type { ValueInfo } from '../../model/inspection.ts';
import type { Finding } from '../../shared/finding.ts';
import { nearestWord } from '../../shared/nearest-word.ts';
import { dimsHint } from '../inspect/dim-sizes.ts';

/**
 * What the configuration says of inputs that neither side of the model has: a slip of the keys there would be measured with
 * other sizes than meant.
 * @param inputs of the candidate and, where there is one, of the base.
 */
export function unusedSettings(config: ModelConfig, inputs: readonly ValueInfo[]): readonly Finding[] {
  const sizes = sizeNamesOf(inputs);
  const names = [...new Set(inputs.map(({ name }) => name))];
  const dims = [config.dims, ...(config.profiles ?? []).map(profile => profile.dims)].flatMap(Object.keys);
  const warning = (message: string, hint: string): Finding => ({
    code: 'SETTING_UNUSED',
    severity: 'warning',
    message,
    hint,
  });
  return [
    ...[...new Set(dims)]
      .filter(symbol => !setsASize(symbol, inputs))
      .map(symbol =>
        warning(
          `\`dims\` of ${config.name} sets "${symbol}", and no input has such a dimension without a size.`,
          dimsHint(symbol, sizes),
        ),
      ),
    ...Object.keys(config.ranges ?? {})
      .filter(name => !names.includes(name))
      .map(name => {
        const nearest = nearestWord(name, names);
        return warning(
          `\`ranges\` of ${config.name} has "${name}", which is no input.`,
          nearest === undefined
            ? `The inputs are: ${names.slice(0, 20).join(', ')}.`
            : `Did you mean "${nearest}"?`,
        );
      }),
  ];
}
