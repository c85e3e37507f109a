import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type CommandHost, collect, positiveInteger } from '../command-host.ts';

/** Declares what holds a model against its contract and its cases: `schema`, `validate` and `test`. */
export function declareTests(program: Command, { common, run }: CommandHost): void {
  common(program.command('schema'))
    .description('JSON Schema of the requests and responses of a model, or the whole OpenAPI document')
    .argument('<model>', 'an .onnx or .ort file')
    .addOption(
      new Option('--form <name>', 'how a payload is written')
        .choices(['plain', 'single', 'v2'])
        .default('plain'),
    )
    .addOption(
      new Option('--side <name>', 'what is described').choices(['request', 'response']).default('request'),
    )
    .option('--openapi', 'an OpenAPI 3.1 document with all forms')
    .option('--example', 'a payload that fits instead of its schema')
    .option('-o, --output <file>', 'write there instead of stdout')
    .action((model: string, options) =>
      run(options, async (_world, cwd) => {
        const { schemaCommand } = await import('../schema.ts');
        return schemaCommand({ ...options, cwd, model: resolve(cwd, model) });
      }),
    );

  common(program.command('validate'))
    .description('check a payload file, or hold a model against its contract file')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--input <file>', 'a JSON payload in any form')
    .option('--response', 'the payload is a response')
    .option('--contract <file>', 'a *.contract.json')
    .option('--update', 'write the contract file from the model')
    .action((model: string, options) =>
      run(options, async (_world, cwd) => {
        const { validateCommand } = await import('../validate.ts');
        return validateCommand({ ...options, cwd, model: resolve(cwd, model) });
      }),
    );

  common(program.command('test'))
    .description('run test cases against their expected outputs, and labelled datasets against their labels')
    .argument('<model>', 'an .onnx or .ort file')
    .option('--cases <path>', 'folder with test_data_set_*, or a .npz, .json or .csv case')
    .option('--dataset <file>', 'labelled rows: .npz, .csv or .jsonl')
    .option('--update', 'write what the model gives as the expected outputs')
    .option('--against <base>', 'compare with this model on the same inputs')
    .option('--against-runtime-path <folder>', 'compare with what this onnxruntime-node gives')
    .option('--atol <number>', 'absolute tolerance for all outputs')
    .option('--rtol <number>', 'relative tolerance for all outputs')
    .option('--metric <metric>', 'e.g. top-1, "f1>=0.9", "accuracy drop<=0.01" (may be repeated)', collect)
    .option('--label <name>', 'array, column or key with the labels')
    .option('--output-name <name>', 'the output that is judged')
    .option('--classes <names>', 'class names in the order of the scores, with commas between')
    .addOption(
      new Option('--average <kind>', 'precision, recall and f1 over classes')
        .choices(['macro', 'micro', 'weighted', 'binary'])
        .default('macro'),
    )
    .option('--batch <n>', 'rows of one run where the model leaves it open', positiveInteger)
    .option('--threads <n>', 'intra-op threads', positiveInteger, 1)
    .option('--provider <name>', 'execution provider', 'cpu')
    .option('--seed <n>', 'seed of synthetic inputs and of resampling', positiveInteger, 7)
    .option('--runtime-path <folder>', 'folder of an installed onnxruntime-node')
    .action((model: string, options) =>
      run(options, async (world, cwd) => {
        const { testCommand } = await import('../test-cases.ts');
        return testCommand({ ...options, cwd, model: resolve(cwd, model) }, world);
      }),
    );
}
