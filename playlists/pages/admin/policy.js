// The policy editor. It knows nothing of what a policy may say: the service checks each version and names its problems by path.

import { ApiError, ask, send } from './api.js';
import { around, diffLines } from './diff.js';
import { $, element, setText } from './dom.js';
import { DryRun } from './dry-run.js';
import { counted, timeOfDay } from './format.js';
import { linesOf, placeProblem } from './json-lines.js';

/** After the last key the text is checked, in milliseconds. */
const pauseMs = 350;

const pretty = (value) => `${JSON.stringify(value, null, 2)}\n`;

export class PolicyEditor {
  #text = $('policy-text');
  #lines = $('policy-lines');
  #saved = '';
  #problems = [];
  #isChecked = false;
  #timer;
  #check = 0;
  #dryRun = new DryRun(() => this.#text.value);

  constructor() {
    this.#text.addEventListener('input', () => this.#changed());
    this.#text.addEventListener('keydown', (event) => this.#key(event));
    this.#text.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    $('policy-save').addEventListener('click', () => void this.#save());
    $('policy-undo').addEventListener('click', () => this.#set(this.#saved));
    $('policy-tidy').addEventListener('click', () => this.#tidy());
    addEventListener('beforeunload', (event) => {
      if (this.#isEdited) event.preventDefault();
    });
  }

  get #isEdited() {
    return this.#saved !== '' && this.#text.value !== this.#saved;
  }

  /** The view is shown: reads what holds now, unless something is being edited. */
  async open() {
    void this.#dryRun.look();
    try {
      const saved = pretty(await ask('/v1/policy'));
      if (saved === this.#saved) return;
      const isEdited = this.#isEdited;
      this.#saved = saved;
      if (isEdited) {
        this.#say('Somebody else has changed the policy; the difference is to what holds now');
        this.#changed();
      } else this.#set(saved);
    } catch (error) {
      this.#say(error.message);
    }
  }

  #say(text) {
    setText($('policy-state'), text);
  }

  #set(text) {
    this.#text.value = text;
    this.#say('');
    this.#changed();
  }

  #tidy() {
    try {
      this.#set(pretty(JSON.parse(this.#text.value)));
    } catch {
      this.#say('What is no JSON cannot be tidied');
    }
  }

  /** Two spaces for Tab would catch those who move by keyboard; a new line keeps its indent. */
  #key(event) {
    if (event.key === 's' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!$('policy-save').disabled) void this.#save();
    }
    if (event.key !== 'Enter' || event.isComposing) return;
    const { value, selectionStart } = this.#text;
    const line = value.slice(value.lastIndexOf('\n', selectionStart - 1) + 1, selectionStart);
    const indent = /^ */.exec(line)[0] + (/[{[]\s*$/.test(line) ? '  ' : '');
    if (indent === '') return;
    event.preventDefault();
    document.execCommand('insertText', false, `\n${indent}`);
  }

  #changed() {
    this.#isChecked = false;
    this.#buttons();
    this.#showLines();
    this.#showDiff();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), pauseMs);
  }

  #buttons() {
    const edited = this.#isEdited;
    $('policy-save').disabled = !edited || !this.#isChecked || this.#problems.length > 0;
    $('policy-undo').disabled = !edited;
  }

  /** Checks the syntax here, because it is known at once, and the rest at the service. */
  async #look() {
    const text = this.#text.value;
    this.#check += 1;
    const check = this.#check;
    let problems;
    try {
      const lines = linesOf(text);
      const { problems: said } = await ask('/v1/policy/check', { method: 'POST', body: text });
      problems = said.map((problem) => placeProblem(problem, lines));
    } catch (error) {
      if (error instanceof ApiError) {
        this.#say(error.message);
        return;
      }
      if (error.line === undefined) throw error;
      problems = [{ path: '', message: `This is no JSON: ${error.message}`, line: error.line }];
    }
    // Meanwhile it may have been changed again.
    if (check !== this.#check || text !== this.#text.value) return;
    this.#isChecked = true;
    this.#showProblems(problems);
  }

  #showProblems(problems) {
    this.#problems = problems;
    this.#buttons();
    this.#text.setAttribute('aria-invalid', String(problems.length > 0));
    setText($('problem-count'), problems.length === 0 ? 'none' : String(problems.length));
    $('policy-problems').replaceChildren(
      ...problems.map(({ path, message, line }) => {
        const button = element('button', { type: 'button' }, [
          element('span', { textContent: `line ${line + 1}` }),
          ` ${path === '' ? '' : `${path}: `}${message}`,
        ]);
        button.addEventListener('click', () => this.#goTo(line));
        return element('li', {}, [button]);
      }),
    );
    setText(
      $('problem-said'),
      problems.length === 0
        ? ''
        : `${counted(problems.length, 'problem')}; the first is at line ${problems[0].line + 1}: ${problems[0].path} ${problems[0].message}`,
    );
    this.#showLines();
  }

  #goTo(line) {
    const lines = this.#text.value.split('\n');
    const from = lines.slice(0, line).join('\n').length + (line > 0 ? 1 : 0);
    this.#text.focus();
    this.#text.setSelectionRange(from, from + (lines[line] ?? '').length);
    const height = Number.parseFloat(getComputedStyle(this.#text).lineHeight);
    this.#text.scrollTop = Math.max(0, line * height - this.#text.clientHeight / 2);
  }

  /** Behind the text lies a copy of it with line numbers, where each problem stands at the end of its line. */
  #showLines() {
    const byLine = Map.groupBy(this.#problems, ({ line }) => line);
    this.#lines.replaceChildren(
      ...this.#text.value.split('\n').map((text, line) => {
        const problems = byLine.get(line) ?? [];
        const row = element('span', { className: problems.length > 0 ? 'line bad' : 'line' }, [
          element('i', { textContent: text }),
        ]);
        if (problems.length > 0)
          row.append(element('em', { textContent: problems.map(({ message }) => message).join(' · ') }));
        return row;
      }),
    );
    this.#scrolled();
  }

  #scrolled() {
    this.#lines.scrollTop = this.#text.scrollTop;
    this.#lines.scrollLeft = this.#text.scrollLeft;
  }

  #showDiff() {
    const all = diffLines(this.#saved.trimEnd(), this.#text.value.trimEnd());
    const number = (kind) => all.filter((line) => line.kind === kind).length;
    const [added, removed] = [number('added'), number('removed')];
    setText($('diff-count'), added + removed === 0 ? 'none' : `${added} added, ${removed} removed`);
    const signs = { added: '+', removed: '−', same: ' ' };
    $('policy-diff').replaceChildren(
      ...around(all, 2).map((line) =>
        line === undefined
          ? element('li', { className: 'gap', textContent: '⋯', aria: { label: 'unchanged lines' } })
          : element('li', { className: line.kind }, [
              element('span', { textContent: signs[line.kind], aria: { hidden: 'true' } }),
              ...(line.kind === 'same'
                ? []
                : [element('b', { className: 'hidden', textContent: `${line.kind}: ` })]),
              element('code', { textContent: line.text }),
            ]),
      ),
    );
  }

  async #save() {
    $('policy-save').disabled = true;
    const text = this.#text.value;
    try {
      const held = await send('/v1/policy');
      const now = pretty(await held.json());
      if (now !== this.#saved) {
        this.#saved = now;
        this.#say('Somebody else has changed the policy meanwhile; look at the difference, then save again');
        this.#changed();
        return;
      }
      const answer = await send('/v1/policy', {
        method: 'PUT',
        body: text,
        ifMatch: held.headers.get('etag') ?? undefined,
      });
      this.#saved = pretty(await answer.json());
      this.#set(this.#saved);
      this.#say(`Saved at ${timeOfDay(Date.now())}; it holds on every node within seconds`);
      this.#text.focus();
    } catch (error) {
      this.#say(error.message);
      this.#buttons();
    }
  }
}
