// The operators' dashboard: signing in, the views, and what flows from the service to them.

import { ask, follow, token } from './api.js';
import { Charts } from './charts.js';
import { Detail } from './detail.js';
import { $, chips, painter, setText } from './dom.js';
import { EventLog } from './events.js';
import { count, timeOfDay } from './format.js';
import { filterNames, Model, mostVideos } from './model.js';
import { Mosaic } from './mosaic.js';
import { NodeList } from './nodes.js';
import { PolicyEditor } from './policy.js';
import { followTheme } from './theme.js';
import { bucketPart, Tiles } from './tiles.js';
import { VideoList } from './video-list.js';

const views = ['live', 'charts', 'policy', 'events'];
/** Figures are drawn at most so often, and what was missed is read again after so long, in milliseconds. */
const drawMs = 300;
const mosaicMs = 1000;
const historyMs = 15_000;
const againMs = 120_000;
/** A list that is told to be stale again and again is not read again sooner than this. */
const staleMs = 10_000;
const pageSize = 250;
/** An order that depends on figures is left alone for so long, so that rows do not jump under the pointer. */
const reorderMs = 5000;

const model = new Model();
let session = new AbortController();
let recent = { part: Number.NaN, perSecond: 0 };
const choice = { filter: 'all', text: '', order: 'newest' };
let listed = [];
let mosaicAt = Number.NEGATIVE_INFINITY;
let listedAt = Number.NEGATIVE_INFINITY;

const detail = new Detail(model);
const open = (id) => detail.open(id);
const tiles = new Tiles($('tiles'));
const list = new VideoList($('rows'), model, open);
const mosaic = new Mosaic($('mosaic'), model, open);
const nodes = new NodeList(model);
const charts = new Charts();
const editor = new PolicyEditor();
const log = new EventLog(open, tick);
const label = chips(
  $('filters'),
  'filter',
  filterNames.map((name) => [name, name]),
  'all',
  (filter) => choose({ filter }),
);

/** Draws the live view; what has not changed is left alone. */
const draw = painter(() => {
  if ($('app').hidden || view() !== 'live') return;
  const totals = model.totals();
  const nodeTotals = model.nodeTotals();
  const hourAgo = Date.now() - 3_600_000;
  const known = [...model.nodes.values()].filter(
    ({ heartbeatAt }) => Date.parse(heartbeatAt) > hourAgo,
  ).length;
  tiles.show({ totals, nodes: nodeTotals, known, recent });
  for (const name of filterNames) label(name, `${name} ${count(totals.counts[name])}`);
  setText($('video-count'), `${count(model.size)}${model.size >= mostVideos ? ' newest' : ''}`);
  if (choice.order === 'newest' || performance.now() - listedAt > reorderMs) {
    listed = model.listed(choice.filter, choice.text, choice.order);
    listedAt = performance.now();
  } else listed = listed.map(({ id }) => model.video(id)).filter((row) => row !== undefined);
  $('no-rows').hidden = listed.length > 0;
  $('rows').hidden = listed.length === 0;
  list.show(listed);
  // All at a glance need not be of this very moment.
  if (performance.now() - mosaicAt > mosaicMs) {
    mosaicAt = performance.now();
    mosaic.show(listed);
  }
  nodes.show();
  detail.show();
}, drawMs);

function choose(changed) {
  Object.assign(choice, changed);
  listedAt = Number.NEGATIVE_INFINITY;
  mosaicAt = Number.NEGATIVE_INFINITY;
  draw();
}

/** Says what bad thing has just happened, above the lists. */
function tick(event, number) {
  const ticker = $('ticker');
  ticker.hidden = false;
  ticker.dataset.level = event.level;
  const more = number > 1 ? ` (and ${number - 1} more)` : '';
  setText(ticker, `${timeOfDay(event.at)}  ${event.text}${more}`);
}

const view = () => {
  const name = location.hash.slice(1);
  return views.includes(name) ? name : 'live';
};

function showView() {
  const name = view();
  for (const one of views) $(`view-${one}`).hidden = one !== name;
  for (const link of $('views').querySelectorAll('a')) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (name === 'charts') charts.start();
  else charts.stop();
  log.setVisible(name === 'events');
  if (name === 'policy') void editor.open();
  draw();
}

/** Reads all videos, page by page; drawn as they come. */
async function readVideos(signal) {
  const ids = new Set();
  let after = '';
  do {
    const askedAt = performance.now();
    const page = await ask(`/v1/videos?limit=${pageSize}${after}`, { signal });
    model.putVideos(page.videos, askedAt);
    for (const { id } of page.videos) ids.add(id);
    after = page.next === null ? '' : `&after=${encodeURIComponent(page.next)}`;
    draw();
  } while (after !== '' && ids.size < mostVideos);
  model.keepVideos(ids);
  draw();
}

/** Reads the list when it is stale, and now and then, one reading at a time. */
function videoReader(signal) {
  let wanted = true;
  let readAt = Number.NEGATIVE_INFINITY;
  let running = false;
  const step = async () => {
    const now = performance.now();
    const isDue = (wanted && now - readAt > staleMs) || now - readAt > againMs;
    if (signal.aborted || running || !isDue || document.hidden) return;
    running = true;
    wanted = false;
    try {
      await readVideos(signal);
    } catch {
      wanted = true;
    } finally {
      readAt = performance.now();
      running = false;
    }
  };
  every(500, step, signal);
  return {
    stale: () => {
      wanted = true;
    },
  };
}

async function readHistory(signal) {
  const { points } = await ask('/v1/history?hours=1', { signal });
  tiles.showHistory(points);
  const last = points.slice(-8);
  const sum = (name) => last.reduce((total, point) => total + point[name], 0);
  const all = {
    bucketAnswers: sum('bucketAnswers'),
    nodeAnswers: sum('nodeAnswers'),
    heldAnswers: sum('heldAnswers'),
  };
  recent = {
    part: bucketPart(all) ?? Number.NaN,
    perSecond: last.length === 0 ? 0 : (all.bucketAnswers + all.nodeAnswers + all.heldAnswers) / last.length,
  };
  draw();
}

/** Calls something now and then until the signal aborts. */
function every(ms, call, signal) {
  const run = () => void Promise.resolve(call()).catch(() => undefined);
  const timer = setInterval(run, ms);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  run();
}

/** Begins to follow the service. */
function start() {
  session.abort();
  session = new AbortController();
  model.clear();
  const { signal } = session;
  $('login').hidden = true;
  for (const id of ['app', 'views', 'connection', 'leave']) $(id).hidden = false;
  const reader = videoReader(signal);
  every(historyMs, () => (document.hidden ? undefined : readHistory(signal)), signal);
  void log.start().catch(() => undefined);
  const onEvent = (event, data) => {
    if (event === 'videos') model.hearVideos(data);
    else if (event === 'playheads') model.putHeads(data);
    else if (event === 'nodes') model.putNodes(data);
    else if (event === 'log') log.add(data);
    else if (event === 'stale') reader.stale();
    connected(event === 'away' ? 'The database is away' : 'live');
    draw();
  };
  let wasLive = false;
  const onState = (state, status) => {
    if (status === 401) leave('The admin token is not right, or not right any more.');
    if (state === 'live') {
      // What was missed while there was no connection.
      if (wasLive) reader.stale();
      wasLive = true;
      model.forgetHeads();
    }
    connected(state);
  };
  void follow('/v1/overview', { onEvent, onState, signal });
  showView();
}

function connected(state) {
  const line = $('connection');
  line.dataset.state = state === 'live' ? 'live' : 'off';
  setText(line, state);
}

/** Ends the session; says why, if there is a reason. */
function leave(reason = '') {
  session.abort();
  token.forget();
  $('detail').close();
  $('drain').close();
  for (const id of ['app', 'views', 'connection', 'leave']) $(id).hidden = true;
  $('login').hidden = false;
  $('login-problem').textContent = reason;
  charts.stop();
  $('token').focus();
}

async function signIn(event) {
  event.preventDefault();
  $('login-problem').textContent = '';
  token.set($('token').value.trim());
  try {
    await ask('/v1/nodes');
    $('token').value = '';
    start();
    $('main').focus();
  } catch (error) {
    token.forget();
    $('login-problem').textContent = error.status === 401 ? 'This is not the admin token.' : error.message;
    $('token').select();
  }
}

$('login-form').addEventListener('submit', (event) => void signIn(event));
$('leave').addEventListener('click', () => {
  leave();
  // Nothing of what was shown is left in the page.
  location.reload();
});
$('search').addEventListener('input', ({ target }) => choose({ text: target.value }));
$('sort').addEventListener('change', ({ target }) => choose({ order: target.value }));
for (const button of document.querySelectorAll('.switch button')) {
  button.addEventListener('click', () => {
    document.querySelector('.map').dataset.show = button.dataset.show;
    for (const one of document.querySelectorAll('.switch button'))
      one.setAttribute('aria-pressed', String(one === button));
    draw();
  });
}
addEventListener('hashchange', showView);
followTheme(() => {
  mosaic.recolour();
  charts.recolour();
});
if (token.get() === null) leave();
else start();
