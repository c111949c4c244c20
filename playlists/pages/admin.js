// Nodes and events for operators. EventSource cannot send a token, so the event stream is read with fetch.

const $ = (id) => document.getElementById(id);
const kept = 'segue-admin-token';
let stop = new AbortController();

function problem(text) {
  const item = document.createElement('li');
  item.textContent = text;
  $('problems').replaceChildren(...(text === '' ? [] : [item]));
}

async function ask(path, signal) {
  const answer = await fetch(path, {
    headers: { authorization: `Bearer ${sessionStorage.getItem(kept)}` },
    signal,
  });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Error(body.error?.message ?? `${path} answers ${answer.status}`);
}

async function showNodes(signal) {
  const body = await (await ask('/v1/nodes', signal)).json();
  const rows = (Array.isArray(body) ? body : body.nodes).map((node) => {
    const row = document.createElement('tr');
    const load =
      typeof node.load === 'object'
        ? Object.entries(node.load)
            .map(([name, value]) => `${name} ${value}`)
            .join(', ')
        : node.load;
    for (const text of [node.id, node.state, node.pid, node.host, load])
      row.insertCell().textContent = String(text ?? '');
    return row;
  });
  $('nodes').replaceChildren(...rows);
}

async function showEvents(signal) {
  const answer = await ask('/v1/events', signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) showEvent(block);
  }
}

function showEvent(block) {
  const field = (name) =>
    block
      .split(/\r?\n/)
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trim())
      .join('\n');
  // A comment keeps the connection open; it says nothing.
  if (field('data') === '') return;
  const item = document.createElement('li');
  const time = document.createElement('time');
  time.textContent = new Date().toLocaleTimeString();
  item.append(time, ` ${field('event')} ${field('data')}`);
  $('events').prepend(item);
  while ($('events').children.length > 200) $('events').lastChild.remove();
}

/** Runs until it is stopped; what breaks off is begun again after two seconds. */
async function repeat(task, signal, pauseMs) {
  while (!signal.aborted) {
    try {
      await task(signal);
      problem('');
    } catch (error) {
      if (signal.aborted) return;
      problem(error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function show() {
  stop.abort();
  stop = new AbortController();
  void repeat(showNodes, stop.signal, 2000);
  void repeat(showEvents, stop.signal, 2000);
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(kept, $('token').value.trim());
  $('token').value = '';
  show();
});

if (sessionStorage.getItem(kept) !== null) show();
