import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { gitFailureError } from './git-failure.ts';
import { type GitCommand, spawnGit, startFailure, timeoutFailure } from './git-process.ts';

export interface GitObject {
  readonly type: 'blob' | 'tree' | 'commit' | 'tag';
  readonly content: Buffer;
}

/** What `git cat-file` says of one object. */
interface Answer {
  readonly id: string;
  /** null: it is not here. */
  readonly type: string | null;
  readonly content: Buffer;
}

/** One `git cat-file` that answers question after question; it is started by the first one. */
interface Conversation extends AsyncDisposable {
  ask(ids: readonly string[]): Promise<readonly Answer[]>;
}

const STDERR_LIMIT = 64 * 1024;

/** Cuts the answers to one question out of what the process prints. */
function createAnswerParser(withContent: boolean): (chunk: Buffer) => Answer[] {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  /** Bytes that must be there before it is worth looking again: a large object comes in many chunks. */
  let neededBytes = 1;
  return chunk => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < neededBytes) return [];
    const buffer = pending.length === 1 ? chunk : Buffer.concat(pending);
    const answers: Answer[] = [];
    let offset = 0;
    neededBytes = 1;
    for (;;) {
      const end = buffer.indexOf(0x0a, offset);
      if (end < 0) break;
      const [id = '', type = '', size] = buffer.toString('latin1', offset, end).split(' ');
      if (size === undefined) {
        answers.push({ id, type: null, content: Buffer.alloc(0) });
        offset = end + 1;
        continue;
      }
      const contentEnd = withContent ? end + 1 + Number(size) : end;
      if (buffer.length < contentEnd + 1) {
        neededBytes = contentEnd + 1 - offset;
        break;
      }
      answers.push({ id, type, content: buffer.subarray(end + 1, Math.max(end + 1, contentEnd)) });
      offset = contentEnd + 1;
    }
    pending = offset === buffer.length ? [] : [buffer.subarray(offset)];
    pendingBytes = buffer.length - offset;
    return answers;
  };
}

function openConversation(command: GitCommand, withContent: boolean, timeoutMs: number): Conversation {
  let child: ChildProcessWithoutNullStreams | null = null;
  let closed: Promise<void> = Promise.resolve();
  let turn: Promise<unknown> = Promise.resolve();
  let stderr = '';

  const start = (): ChildProcessWithoutNullStreams => {
    const started = spawnGit(command);
    stderr = '';
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_LIMIT);
    });
    started.stdin.on('error', () => undefined);
    // One that could not be started is not closed either.
    closed = new Promise(done => started.once('close', () => done()).once('error', () => done()));
    return started;
  };

  const askNow = (ids: readonly string[]): Promise<readonly Answer[]> =>
    new Promise((resolve, reject) => {
      const process = child ?? start();
      child = process;
      const answers: Answer[] = [];
      const parse = createAnswerParser(withContent);
      const timer = setTimeout(() => {
        process.kill('SIGKILL');
        finish(() => reject(timeoutFailure(command, timeoutMs)));
      }, timeoutMs);
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        process.stdout.off('data', onData);
        process.off('close', onClose).off('error', onError);
        settle();
      };
      const onData = (chunk: Buffer): void => {
        for (const answer of parse(chunk)) answers.push(answer);
        if (answers.length >= ids.length) finish(() => resolve(answers));
      };
      const onError = (error: Error): void => {
        child = null;
        finish(() => reject(startFailure(error, command)));
      };
      const onClose = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        child = null;
        const name = command.args[0] ?? '';
        const secrets = command.secrets ?? [];
        finish(() =>
          reject(gitFailureError({ command: name, exitCode, signal, stderr, secrets, folder: command.cwd })),
        );
      };
      process.stdout.on('data', onData);
      process.on('close', onClose).on('error', onError);
      process.stdin.write(`${ids.join('\n')}\n`);
    });

  return {
    ask(ids) {
      if (ids.length === 0) return Promise.resolve([]);
      const answer = turn.then(() => askNow(ids));
      turn = answer.catch(() => undefined);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await turn;
      child?.stdin.end();
      child = null;
      await closed;
    },
  };
}

/** Reads objects of one git folder by two processes that stay: starting one for each question cost most of its time. */
export interface ObjectReader extends AsyncDisposable {
  /** Those of the ids that are not here. */
  missing(ids: readonly string[]): Promise<string[]>;
  /** What is here; the rest is left out. */
  read(ids: readonly string[]): Promise<ReadonlyMap<string, GitObject>>;
}

const isType = (type: string): type is GitObject['type'] =>
  type === 'blob' || type === 'tree' || type === 'commit' || type === 'tag';

/**
 * @param command how to run git in the folder, without arguments.
 * @throws QuickServeError GIT_NOT_FOUND, GIT_FAILED.
 */
export function openObjectReader(command: Omit<GitCommand, 'args'>, timeoutMs: number): ObjectReader {
  const contents = openConversation({ ...command, args: ['cat-file', '--batch'] }, true, timeoutMs);
  const names = openConversation({ ...command, args: ['cat-file', '--batch-check'] }, false, timeoutMs);
  return {
    async missing(ids) {
      return (await names.ask(ids)).filter(({ type }) => type === null).map(({ id }) => id);
    },
    async read(ids) {
      const objects = new Map<string, GitObject>();
      for (const { id, type, content } of await contents.ask(ids)) {
        if (type !== null && isType(type)) objects.set(id, { type, content });
      }
      return objects;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([contents[Symbol.asyncDispose](), names[Symbol.asyncDispose]()]);
    },
  };
}
