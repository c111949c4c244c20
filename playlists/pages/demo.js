import { covered, Nodes } from './nodes.js';
import { Playback } from './player.js';
import { Places, Strips, startsOf } from './strip.js';

const $ = (id) => document.getElementById(id);
const places = new Places();
const strips = new Strips($('strips'), places, (text) => {
  $('cell-detail').textContent = text;
});

const nodes = new Nodes($('nodes'), { places, say, onShown: showLegend });

/** Everything about the video that is shown; replaced as a whole by the next one. */
let session;

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
  $('stalls').dataset.longest = '0';
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
      if (before !== source) say(cameFrom(rendition, n, source));
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

function cameFrom(rendition, n, source) {
  if (source === 'held')
    return `${rendition} segment ${n} was asked for before it was made: the request was held`;
  return `${rendition} now comes from ${source === 'bucket' ? 'the bucket' : source}, from segment ${n} on`;
}

function showAddress(address) {
  $('address').hidden = false;
  $('link').href = address;
  $('link').textContent = address;
}

// ---- looking

async function look() {
  if (document.visibilityState !== 'visible') return;
  await nodes.look();
  const mine = session;
  if (mine === undefined) return nodes.show(undefined);
  const answer = await fetch(`/v1/videos/${encodeURIComponent(mine.id)}`);
  if (!answer.ok || mine !== session) return;
  const video = await answer.json();
  // Where playback URLs are signed, not everybody is told.
  for (const rendition of video.renditions) rendition.nodes ??= {};
  // What nobody has asked for is not made: a strip of it would look as if something were missing.
  const shown = video.renditions.filter(({ onDemand }) => !onDemand);
  if (!mine.known) {
    mine.known = true;
    strips.reset(
      shown.map(({ name }) => name),
      startsOf(video.grid.runs),
    );
    for (const [rendition, n, source] of mine.came) strips.came(rendition, n, source);
  }
  strips.update(shown, nodes.dead);
  $('exposure').textContent = `${video.exposureSeconds.toFixed(1)} s`;
  announce(mine, video);
  nodes.show(video);
}

function announce(mine, video) {
  const holder = video.lease?.node;
  if (holder !== undefined && holder !== mine.holder) {
    say(
      mine.holder === undefined ? `${holder} renders it` : `${holder} took over (epoch ${video.lease.epoch})`,
    );
  }
  mine.holder = holder ?? mine.holder;
  const all = video.renditions.every(
    ({ bucket, segments, onDemand }) => onDemand || covered(bucket) === segments,
  );
  if (all && !mine.settled) say('All of it is in the bucket: no node is needed any more');
  mine.settled = all;
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
    const ahead = session.playback.bufferAhead.toFixed(1);
    $('buffer').textContent = `${ahead} s`;
    $('buffer').dataset.seconds = ahead;
    const { count, seconds, longest } = session.playback.stalls;
    $('stalls').textContent = count === 0 ? '0' : `${count} (${seconds.toFixed(1)} s)`;
    $('stalls').dataset.count = String(count);
    $('stalls').dataset.longest = longest.toFixed(3);
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
