// Requests with the admin token. The token is in the tab's session storage, and in no URL.

const kept = 'segue-admin-token';

/** An answer that is no success; `status` 0: there was none. */
export class ApiError extends Error {
  constructor(status, message, problems = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

export const token = {
  get: () => sessionStorage.getItem(kept),
  set: (value) => sessionStorage.setItem(kept, value),
  forget: () => sessionStorage.removeItem(kept),
};

/** Asks, and returns what `fetch` does. Throws {@link ApiError} for everything that is no success. */
export async function send(path, { method = 'GET', body, ifMatch, signal } = {}) {
  const headers = { authorization: `Bearer ${token.get()}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (ifMatch !== undefined) headers['if-match'] = ifMatch;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, signal, cache: 'no-store' });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The service does not answer');
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new ApiError(
    answer.status,
    error?.message ?? `The service answers ${answer.status}`,
    error?.problems,
  );
}

/** Asks for JSON. */
export const ask = async (path, options) => (await send(path, options)).json();

/** Splits a text of server-sent events into `{event, data}`; `push` returns those that are complete. */
export function eventParser() {
  let rest = '';
  return {
    push(text) {
      const blocks = (rest + text).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? '';
      return blocks.flatMap((block) => {
        const lines = block.split(/\r?\n/);
        const field = (name) =>
          lines
            .filter((line) => line.startsWith(`${name}:`))
            .map((line) => line.slice(name.length + 1).replace(/^ /, ''))
            .join('\n');
        const data = field('data');
        return data === '' ? [] : [{ event: field('event'), data }];
      });
    },
  };
}

/** Silence after which a stream counts as broken, in milliseconds: the service says something each second. */
const silenceMs = 15_000;

/**
 * Follows server-sent events until `signal` aborts. EventSource cannot send a token, so the stream is read with fetch. What breaks off is
 * begun again after a while; `onState` gets `live`, or why not. Ends where the token is refused.
 */
export async function follow(path, { onEvent, onState, signal }) {
  for (let failures = 0; !signal.aborted; ) {
    const broken = new AbortController();
    let watch;
    const heard = () => {
      clearTimeout(watch);
      watch = setTimeout(() => broken.abort(), silenceMs);
    };
    try {
      heard();
      const answer = await send(path, { signal: AbortSignal.any([signal, broken.signal]) });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = eventParser();
      onState('live');
      failures = 0;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        heard();
        for (const { event, data } of parser.push(value)) onEvent(event, JSON.parse(data));
      }
      onState('The connection ended; trying again');
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      onState(error instanceof ApiError ? error.message : 'The connection broke; trying again', error.status);
      if (error.status === 401) return;
    } finally {
      clearTimeout(watch);
    }
    const wait = Math.min(10_000, 500 * 2 ** failures);
    await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
  }
}
