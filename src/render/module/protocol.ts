/** What a module worker is started with. */
export interface ModuleWorkerData {
  /** Absolute path of the module. */
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly frameCount: number;
  readonly seed: number;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What a worker is asked. One at a time, in order. */
export type ModuleRequest =
  | {
      readonly kind: 'frame';
      readonly n: number;
      /** Where to put the pixels: the array of an earlier frame, so that frames need no memory of their own. */
      readonly into?: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: 'audio'; readonly from: number; readonly to: number };

/** What it answers: `ready` once it has loaded the module, then one answer a request. */
export type ModuleReply =
  | { readonly kind: 'ready'; readonly hasAudio: boolean }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string };
