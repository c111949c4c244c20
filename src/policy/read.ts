import { parseDocument } from 'yaml';
import { SegueError } from '../ops/errors.ts';
import { firstProblems, readBy } from '../ops/problems.ts';
import { type Policy, policySchema } from './policy.ts';

/** A policy as text may be this long, in characters. */
export const maxPolicyLength = 256 * 1024;

const whole = 'policy';

/** Reads a policy, filling in every default. @throws SegueError `invalid_request` with every problem as `path: message` */
export function readPolicy(json: unknown): Policy {
  const { data, problems } = readBy(policySchema, json, whole);
  if (data !== undefined) return data;
  const message = problems.length === 1 ? (problems[0] ?? '') : `The policy has ${problems.length} problems`;
  throw new SegueError('invalid_request', message, {
    problems: firstProblems(problems, whole),
    hint: '`segue policy get` shows one that is right; /policy.schema.json describes it.',
  });
}

/**
 * Reads a policy as text: JSON, or YAML 1.2 (of which JSON is a part), without aliases, which would let a short text be a long
 * document. `$schema`, which editors like, is allowed. @throws SegueError `invalid_request`
 */
export function readPolicyText(text: string): Policy {
  return readPolicy(withoutSchema(valueOf(text)));
}

function valueOf(text: string): unknown {
  if (text.length > maxPolicyLength)
    throw new SegueError('too_large', `A policy has at most ${maxPolicyLength} characters`);
  const document = parseDocument(text, { prettyErrors: true, stringKeys: true });
  const problems = document.errors.map(({ message }) => message.split('\n')[0] ?? message);
  if (problems.length > 0) {
    throw new SegueError('invalid_request', `The policy is neither YAML nor JSON: ${problems[0] ?? ''}`, {
      problems: firstProblems(problems, whole),
    });
  }
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw new SegueError('invalid_request', 'A policy has no aliases (&name, *name)', { cause: error });
  }
}

function withoutSchema(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { $schema: _, ...rest } = value as Record<string, unknown>;
  return rest;
}
