import { QuickServeError } from './errors.ts';

/** There are no cases where some were named. */
export const missingCases = (path: string): QuickServeError =>
  new QuickServeError({
    code: 'CASES_NOT_FOUND',
    message: `The test cases ${path} do not exist.`,
    hint: 'Give the folder that holds test_data_set_0, or a .npz, .json or .csv file.',
  });
