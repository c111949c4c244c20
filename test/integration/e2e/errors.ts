import { expect } from 'vitest';
import { z } from 'zod';

const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    requestId: z.string(),
    problems: z.array(z.string()).optional(),
  }),
});

/** Expects an error answer: the right status, JSON of the one shape, never cached, nothing of the inside. */
export async function expectError(answer: Response, status: number, code: string) {
  const text = await answer.text();
  expect(answer.status, text).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(text).not.toMatch(/\.ts\b|node_modules|\bat .*:\d+:\d+|"stack"/);
  const { error } = errorSchema.parse(JSON.parse(text));
  expect(error.code).toBe(code);
  expect(error.requestId).toBe(answer.headers.get('x-request-id'));
  return error;
}
