// Plays a URL in hls.js, or natively where there is no Media Source (Safari on phones), and measures what the viewer sees.

/** Seconds buffered ahead of the play head. */
function bufferAhead(video) {
  for (let i = 0; i < video.buffered.length; i += 1) {
    const from = video.buffered.start(i) - 0.1;
    if (from <= video.currentTime && video.currentTime <= video.buffered.end(i)) {
      return video.buffered.end(i) - video.currentTime;
    }
  }
  return 0;
}

/** Where the bytes of a fragment came from: what the service says, or the bucket that it redirected to. */
function sourceOf(details) {
  const url = details?.responseURL ?? details?.url ?? '';
  // Another origin than this page's: the redirect to the bucket or its CDN.
  if (url !== '' && new URL(url, location.href).origin !== location.origin) return 'bucket';
  return (
    details?.getResponseHeader?.('x-segue-source') ?? details?.headers?.get?.('x-segue-source') ?? undefined
  );
}

/**
 * One playback. `on` has: firstFrame(ms), fragment(rendition, n, source), stall(count, seconds),
 * error(text), ended().
 */
export class Playback {
  #video;
  #on;
  #hls;
  #began = performance.now();
  #shown = false;
  #stalls = 0;
  #stalled = 0;
  #longest = 0;
  #stalledSince;
  #listening = new AbortController();

  constructor(video, url, on) {
    this.#video = video;
    this.#on = on;
    this.#watch();
    const Hls = globalThis.Hls;
    if (Hls?.isSupported()) this.#open(Hls, url);
    else video.src = url;
    video.play().catch(() => on.error('The browser wants you to press play'));
  }

  #open(Hls, url) {
    const { Events, ErrorTypes } = Hls;
    const hls = new Hls();
    this.#hls = hls;
    hls.on(Events.FRAG_LOADED, (_, { frag, networkDetails }) => {
      if (frag.sn === 'initSegment') return;
      this.#on.fragment(renditionOf(frag.baseurl), frag.sn, sourceOf(networkDetails));
    });
    hls.on(Events.ERROR, (_, { fatal, type, details }) => {
      if (!fatal) return;
      this.#on.error(`The player gave up: ${details}`);
      if (type === ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    });
    hls.loadSource(url);
    hls.attachMedia(this.#video);
  }

  #watch() {
    const { signal } = this.#listening;
    const listen = (event, action) => this.#video.addEventListener(event, action, { signal });
    const shown = () => {
      if (this.#shown) return;
      this.#shown = true;
      this.#on.firstFrame(performance.now() - this.#began);
    };
    if ('requestVideoFrameCallback' in this.#video) this.#video.requestVideoFrameCallback(shown);
    else listen('loadeddata', shown);
    listen('waiting', () => {
      const counts = this.#shown && !this.#video.seeking && !this.#video.ended;
      if (counts) this.#stalledSince ??= performance.now();
    });
    const goesOn = () => {
      if (this.#stalledSince === undefined) return;
      this.#stalls += 1;
      const lasted = (performance.now() - this.#stalledSince) / 1000;
      this.#stalled += lasted;
      this.#longest = Math.max(this.#longest, lasted);
      this.#stalledSince = undefined;
      this.#on.stall(this.#stalls, this.#stalled);
    };
    for (const event of ['playing', 'timeupdate', 'ended']) listen(event, goesOn);
    listen('ended', () => this.#on.ended());
    listen('error', () => {
      if (this.#hls === undefined)
        this.#on.error(`The browser gave up: ${this.#video.error?.message ?? 'unknown'}`);
    });
  }

  /** Seconds ahead of the play head that are buffered. */
  get bufferAhead() {
    return bufferAhead(this.#video);
  }

  /** Stalls so far, with the one that lasts. */
  get stalls() {
    const lasting = this.#stalledSince === undefined ? 0 : (performance.now() - this.#stalledSince) / 1000;
    return {
      count: this.#stalls + (lasting > 0 ? 1 : 0),
      seconds: this.#stalled + lasting,
      longest: Math.max(this.#longest, lasting),
    };
  }

  stop() {
    this.#listening.abort();
    this.#hls?.destroy();
    this.#video.removeAttribute('src');
    this.#video.load();
  }
}

/** `/v/{id}/{rendition}/media.m3u8`; `~2` after the name is the generation of the render. */
function renditionOf(url) {
  const parts = new URL(url, location.href).pathname.split('/');
  return decodeURIComponent(parts.at(-2) ?? '').replace(/~\d+$/, '');
}
