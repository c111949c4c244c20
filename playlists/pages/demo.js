import { Playback } from './player.js';
import { Places, Strips, startsOf } from './strip.js';

const $ = (id) => document.getElementById(id);
const places = new Places();
const strips = new Strips($('strips'), places, (text) => {
  $('cell-detail').textContent = text;
});

/** Everything about the video that is shown; replaced as a whole by the next one. */
let session;
let nodes = [];
let demo = true;

const lookMs = 500;

// ---- what happened

function say(text, bad = false) {
  const item = document.createElement('li');
  const time = document.createElement('time');
  const since = session === undefined ? 0 : (performance.now() - session.began) / 1000;
  time.textContent = `${since.toFixed(1)} s`;
  const what = document.createElement('span');
  what.textContent = text;
  item.append(time, what);
  item.classList.toggle('bad', bad);
  $('events').prepend(item);
  while ($('events').children.length > 60) $('events').lastChild.remove();
}

function setState(state) {
  $('main').dataset.state = state;
}

// ---- description

async function loadExamples() {
  const { examples } = await (await fetch('/examples')).json();
  for (const path of examples) {
    const option = new Option(path.replace(/^.*\/|\.json$/g, ''), path);
    $('example').add(option);
  }
  await showExample();
}

async function showExample() {
  const path = $('example').value;
  if (path === '') return;
  $('source').value = await (await fetch(path)).text();
  showProblems([]);
}

function showProblems(problems) {
  $('source').setAttribute('aria-invalid', String(problems.length > 0));
  $('problems').replaceChildren(
    ...problems.map((problem) => {
      const item = document.createElement('li');
      item.textContent = problem;
      return item;
    }),
  );
  if (problems.length > 0) $('editor').open = true;
}

/** Another seed makes it another video; the text stays as it was written otherwise. */
function withNewSeed(text) {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  if (/"seed"\s*:\s*\d+/.test(text)) return text.replace(/("seed"\s*:\s*)\d+/, `$1${seed}`);
  return text.replace('{', `{\n  "seed": ${seed},`);
}

/** Posts a description: the video, or the problems with it as `path: message`. */
async function post(text) {
  const answer = await fetch('/v1/videos', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: text,
  }).catch(() => undefined);
  if (answer === undefined) return { problems: ['The playlist service does not answer'] };
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return { video: body, problems: [] };
  const { message = `The service answers ${answer.status}`, hint, problems = [] } = body.error ?? {};
  if (problems.length > 0) return { problems };
  return { problems: [hint === undefined ? message : `${message}. ${hint}`] };
}

async function makeAndPlay() {
  const button = $('play');
  button.disabled = true;
  try {
    if ($('fresh').checked) $('source').value = withNewSeed($('source').value);
    const pressed = performance.now();
    const { video, problems } = await post($('source').value);
    showProblems(problems);
    if (video !== undefined) play(video, pressed);
  } finally {
    button.disabled = false;
  }
}

// ---- playing

function play({ id, url }, began = performance.now()) {
  session?.playback.stop();
  $('events').replaceChildren();
  const sources = new Map();
  session = { id, began, came: [], known: false, settled: false };
  const mine = session;
  setState('starting');
  for (const figure of ['first-frame', 'buffer', 'exposure']) $(figure).textContent = '–';
  $('stalls').textContent = '0';
  $('stalls').dataset.count = '0';
  $('stalls').dataset.seconds = '0';
  showAddress(new URL(url, location.href).href);
  say('The description is accepted; the whole playlist exists already');
  session.playback = new Playback($('video'), url, {
    firstFrame: () => {
      const ms = performance.now() - mine.began;
      $('first-frame').textContent = `${(ms / 1000).toFixed(2)} s`;
      setState('playing');
      say(`First frame after ${(ms / 1000).toFixed(2)} s`);
    },
    fragment: (rendition, n, source) => {
      if (source === undefined) return;
      // The first segments come before the first look at the video, which draws the strip.
      if (mine.known) strips.came(rendition, n, source);
      else mine.came.push([rendition, n, source]);
      const before = sources.get(rendition);
      if (before !== source) say(`${rendition} now comes from ${nameOf(source)}, from segment ${n} on`);
      sources.set(rendition, source);
    },
    stall: (count, seconds) => say(`Stall ${count}: ${seconds.toFixed(2)} s of standing still in all`, true),
    error: (text) => {
      setState('error');
      $('curtain').textContent = text;
      say(text, true);
    },
    ended: () => {
      setState('ended');
      say('Played to the end');
    },
  });
  history.replaceState(null, '', `#${id}`);
}

const nameOf = (source) =>
  source === 'bucket' ? 'the bucket' : source === 'held' ? 'a held request' : source;

function showAddress(address) {
  $('address').hidden = false;
  $('link').href = address;
  $('link').textContent = address;
}

// ---- looking

async function look() {
  if (document.visibilityState !== 'visible') return;
  await lookAtNodes();
  const mine = session;
  if (mine === undefined) return showNodes(undefined);
  const answer = await fetch(`/v1/videos/${encodeURIComponent(mine.id)}`);
  if (!answer.ok || mine !== session) return;
  const video = await answer.json();
  const dead = new Set(nodes.filter(({ state }) => state === 'dead').map(({ id }) => id));
  if (!mine.known) {
    mine.known = true;
    strips.reset(
      video.renditions.map(({ name }) => name),
      startsOf(video.grid.runs),
    );
    for (const [rendition, n, source] of mine.came) strips.came(rendition, n, source);
  }
  strips.update(video.renditions, dead);
  $('exposure').textContent = `${video.exposureSeconds.toFixed(1)} s`;
  announce(mine, video);
  showNodes(video);
}

function announce(mine, video) {
  const holder = video.lease?.node;
  if (holder !== undefined && holder !== mine.holder) {
    say(
      mine.holder === undefined ? `${holder} renders it` : `${holder} took over (epoch ${video.lease.epoch})`,
    );
  }
  mine.holder = holder ?? mine.holder;
  const all = video.renditions.every(({ bucket }) => covered(bucket) === video.grid.segments);
  if (all && !mine.settled) say('All of it is in the bucket: no node is needed any more');
  mine.settled = all;
}

const covered = (ranges) => ranges.reduce((total, [from, to]) => total + to - from, 0);

async function lookAtNodes() {
  if (!demo) return;
  const answer = await fetch('/demo/nodes');
  if (answer.status === 404) {
    demo = false;
    return;
  }
  if (answer.ok) nodes = (await answer.json()).nodes;
}

let shownNodes = '';

function showNodes(video) {
  const ids = new Set([
    ...nodes.map(({ id }) => id),
    ...(video?.renditions ?? []).flatMap((one) => Object.keys(one.nodes)),
  ]);
  const list = [...ids]
    .toSorted((a, b) => a.localeCompare(b))
    .map((id) => {
      const node = nodes.find((one) => one.id === id);
      const held = (video?.renditions ?? []).reduce((total, one) => total + covered(one.nodes[id] ?? []), 0);
      return {
        id,
        pid: node?.pid,
        state: node?.state ?? 'ready',
        killable: node?.killable === true,
        held,
        origin: video?.lease?.node === id,
      };
    });
  const key = JSON.stringify(list);
  if (key === shownNodes || list.length === 0) return;
  shownNodes = key;
  const focused = document.activeElement?.dataset?.node;
  for (const { id } of list) places.indexOf(id);
  $('nodes').replaceChildren(...list.map(nodeItem));
  if (focused !== undefined)
    $('nodes')
      .querySelector(`[data-node="${CSS.escape(focused)}"]`)
      ?.focus();
  showLegend();
}

function nodeItem({ id, pid, state, killable, held, origin }) {
  const item = document.createElement('li');
  item.className = 'node';
  item.dataset.state = state;
  item.dataset.id = id;
  item.style.setProperty('--source', places.colour(id));
  const text = document.createElement('p');
  const small = document.createElement('small');
  const alive = state !== 'dead';
  small.textContent = [
    pid && `process ${pid}`,
    alive ? state : 'gone',
    `holds ${held} segments of this video`,
  ]
    .filter(Boolean)
    .join(' · ');
  text.append(`${places.letter(id)}  ${id}`, ...(origin ? [badge('origin of this video')] : []), small);
  item.append(text);
  if (killable) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'danger';
    button.dataset.node = id;
    button.disabled = !alive;
    button.textContent = origin ? 'Kill the origin (kill -9)' : 'Kill (kill -9)';
    button.setAttribute('aria-label', `${button.textContent}: ${id}`);
    button.addEventListener('click', () => void kill(id, button));
    item.append(button);
  }
  return item;
}

function badge(text) {
  const element = document.createElement('span');
  element.className = 'badge origin';
  element.textContent = text;
  return element;
}

async function kill(id, button) {
  button.disabled = true;
  const answer = await fetch(`/demo/nodes/${encodeURIComponent(id)}/kill`, { method: 'POST' }).catch(
    () => undefined,
  );
  if (answer?.ok) say(`${id} was killed with kill -9; what only it had is rendered again`, true);
  else say(`${id} could not be killed`, true);
  shownNodes = '';
}

function showLegend() {
  const entries = [
    ['absent', '', 'not made yet'],
    ...places.nodes.map((id) => [id, places.letter(id), `on ${id}`]),
    ['bucket', places.letter('bucket'), 'in the bucket'],
  ];
  $('legend').replaceChildren(
    ...entries.map(([place, letter, text]) => {
      const item = document.createElement('li');
      const box = document.createElement('i');
      box.textContent = letter;
      if (place === 'absent') box.className = 'absent';
      else box.style.setProperty('--source', places.colour(place));
      item.append(box, text);
      return item;
    }),
    legendOfLines(),
  );
}

function legendOfLines() {
  const item = document.createElement('li');
  const line = document.createElement('i');
  line.className = 'line';
  item.append(line, 'this player got it from there');
  return item;
}

// ---- loops: the drawing follows the screen, the looking a timer that waits for its answer

function draw() {
  if (session?.playback !== undefined) {
    strips.play($('video').currentTime);
    $('buffer').textContent = `${session.playback.bufferAhead.toFixed(1)} s`;
    const { count, seconds } = session.playback.stalls;
    $('stalls').textContent = count === 0 ? '0' : `${count} (${seconds.toFixed(1)} s)`;
    $('stalls').dataset.count = String(count);
    $('stalls').dataset.seconds = seconds.toFixed(3);
  }
  requestAnimationFrame(draw);
}

async function lookAgain() {
  // The service may be restarted under the page: what fails is tried at the next look.
  await look().catch(() => undefined);
  setTimeout(lookAgain, lookMs);
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void makeAndPlay();
});
$('example').addEventListener('change', () => void showExample());
$('copy').addEventListener('click', () => void navigator.clipboard.writeText($('link').href));
$('editor').open = matchMedia('(min-width: 901px)').matches;

showLegend();
void lookAgain();
draw();
await loadExamples();

const shared = location.hash.slice(1);
if (/^[\w-]+$/.test(shared)) {
  const answer = await fetch(`/v1/videos/${shared}`);
  if (answer.ok) play(await answer.json());
}
