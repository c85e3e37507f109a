import { quoteName } from '../shared/terminal-text.ts';
import type { ContractChange } from './comparison.ts';
import type { InterfaceMatch, Side } from './interface-matching.ts';
import { describeType } from './type-description.ts';

/** Rules about which inputs and outputs there are. One function each; all are in docs/contracts.md. */
export type PresenceRule = (match: InterfaceMatch) => readonly ContractChange[];

const inputAdded: PresenceRule = ({ added }) =>
  added
    .filter(({ side, isOptional }) => side === 'input' && !isOptional)
    .map(({ value }) => ({
      rule: 'input-added',
      effect: 'breaking',
      side: 'input',
      name: value.name,
      base: null,
      candidate: value,
      message: `Input ${quoteName(value.name)} (${describeType(value)}) is new and required: callers do not send it yet.`,
    }));

const optionalInputAdded: PresenceRule = ({ added }) =>
  added
    .filter(({ side, isOptional }) => side === 'input' && isOptional)
    .map(({ value }) => ({
      rule: 'optional-input-added',
      effect: 'compatible',
      side: 'input',
      name: value.name,
      base: null,
      candidate: value,
      message: `Input ${quoteName(value.name)} (${describeType(value)}) is new and has a default: callers may leave it out.`,
    }));

const inputRemoved: PresenceRule = ({ removed }) =>
  removed
    .filter(({ side, isOptional }) => side === 'input' && !isOptional)
    .map(({ value }) => ({
      rule: 'input-removed',
      effect: 'breaking',
      side: 'input',
      name: value.name,
      base: value,
      candidate: null,
      message: `Input ${quoteName(value.name)} is gone: callers still send it.`,
    }));

const optionalInputRemoved: PresenceRule = ({ removed }) =>
  removed
    .filter(({ side, isOptional }) => side === 'input' && isOptional)
    .map(({ value }) => ({
      rule: 'optional-input-removed',
      effect: 'breaking',
      side: 'input',
      name: value.name,
      base: value,
      candidate: null,
      message: `The optional input ${quoteName(value.name)} is gone: callers that set it get something else than they ask for.`,
    }));

const outputAdded: PresenceRule = ({ added }) =>
  added
    .filter(({ side }) => side === 'output')
    .map(({ value }) => ({
      rule: 'output-added',
      effect: 'compatible',
      side: 'output',
      name: value.name,
      base: null,
      candidate: value,
      message: `Output ${quoteName(value.name)} (${describeType(value)}) is new: callers that do not know it ignore it.`,
    }));

const outputRemoved: PresenceRule = ({ removed }) =>
  removed
    .filter(({ side }) => side === 'output')
    .map(({ value }) => ({
      rule: 'output-removed',
      effect: 'breaking',
      side: 'output',
      name: value.name,
      base: value,
      candidate: null,
      message: `Output ${quoteName(value.name)} is gone: callers that read it find nothing.`,
    }));

const renamed =
  (side: Side): PresenceRule =>
  ({ pairs }) =>
    pairs
      .filter(pair => pair.side === side && pair.base.name !== pair.candidate.name)
      .map(({ base, candidate }) => ({
        rule: `${side}-renamed`,
        effect: 'breaking',
        side,
        name: base.name,
        base,
        candidate,
        message:
          `${side === 'input' ? 'Input' : 'Output'} ${quoteName(base.name)} is now called ${quoteName(candidate.name)}: ` +
          `callers ${side === 'input' ? 'send' : 'read'} the old name.`,
      }));

const optionality =
  (becomesOptional: boolean): PresenceRule =>
  ({ pairs }) =>
    pairs
      .filter(
        pair =>
          pair.baseIsOptional !== pair.candidateIsOptional && pair.candidateIsOptional === becomesOptional,
      )
      .map(({ side, base, candidate }) => ({
        rule: becomesOptional ? 'input-made-optional' : 'input-made-required',
        effect: becomesOptional ? 'compatible' : 'breaking',
        side,
        name: base.name,
        base,
        candidate,
        message: becomesOptional
          ? `Input ${quoteName(base.name)} has a default now: callers may leave it out.`
          : `Input ${quoteName(base.name)} has lost its default: callers that leave it out fail.`,
      }));

/** Names decide wherever a runtime is called, but Python's `session.run(None, ...)[0]` reads outputs by position. */
const outputOrderChanged: PresenceRule = ({ pairs, removed }) => {
  // A removed output shifts the others too; that break is said already.
  if (removed.some(({ side }) => side === 'output')) return [];
  const moved = pairs.find(pair => pair.side === 'output' && pair.basePosition !== pair.candidatePosition);
  if (moved === undefined) return [];
  return [
    {
      rule: 'output-order-changed',
      effect: 'breaking',
      side: 'output',
      name: moved.base.name,
      base: moved.base,
      candidate: moved.candidate,
      message:
        `Output ${quoteName(moved.base.name)} is number ${moved.candidatePosition + 1} instead of ` +
        `${moved.basePosition + 1}: callers that read outputs by position get another one.`,
    },
  ];
};

export const PRESENCE_RULES: readonly PresenceRule[] = [
  renamed('input'),
  renamed('output'),
  inputAdded,
  optionalInputAdded,
  inputRemoved,
  optionalInputRemoved,
  outputAdded,
  outputRemoved,
  optionality(true),
  optionality(false),
  outputOrderChanged,
];
