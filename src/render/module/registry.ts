import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { SegueError } from '../../ops/errors.ts';

/** A module that the operator put into the modules folder. */
export interface RegisteredModule {
  /** What descriptions call it: the name of its file without the extension, or of its folder. */
  readonly name: string;
  /** Absolute path of the file that exports `frame`. */
  readonly path: string;
  /** What it consists of: its file, or every file of its folder. */
  readonly root: string;
  /** Hash over names and content of all its files. */
  readonly sha256: string;
}

/** The modules of this node, by name. */
export type ModuleRegistry = ReadonlyMap<string, RegisteredModule>;

/** Bounds of a modules folder. */
const limits = { modules: 1_000, files: 1_000, bytes: 64 << 20 } as const;

/** The names that a description can have in `module`. */
const namePattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const extensions = ['.ts', '.mjs', '.js'] as const;

function refused(message: string, hint: string): SegueError {
  return new SegueError('configuration', message, { hint });
}

/** The files that a module consists of, sorted by name. */
async function filesOf(root: string): Promise<string[]> {
  if ((await stat(root)).isFile()) return [root];
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (files.length > limits.files) {
    throw refused(`Module ${root} has ${files.length} files`, `A module may have ${limits.files} files.`);
  }
  return files.sort();
}

/**
 * Content hash of a module. Two that differ in any byte or file name have different ones; where they lie does not matter.
 * @throws SegueError `configuration` when it is beyond the bounds
 */
export async function hashModule(root: string): Promise<string> {
  const hash = createHash('sha256');
  let total = 0;
  for (const file of await filesOf(root)) {
    total += (await stat(file)).size;
    if (total > limits.bytes) {
      throw refused(`Module ${root} is larger than ${limits.bytes} bytes`, 'Use assets for large files.');
    }
    const bytes = await readFile(file);
    const name = file === root ? basename(file) : relative(root, file).replaceAll('\\', '/');
    hash.update(`${JSON.stringify([name, bytes.byteLength])}\n`).update(bytes);
  }
  return hash.digest('hex');
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Name and entry file of what lies at a path, or undefined where it is no module. */
async function entryAt(root: string): Promise<{ name: string; path: string } | undefined> {
  const extension = extensions.find((end) => root.endsWith(end));
  if (extension !== undefined && (await isFile(root))) {
    return root.endsWith('.d.ts') ? undefined : { name: basename(root, extension), path: root };
  }
  for (const end of extensions) {
    const path = join(root, `index${end}`);
    if (await isFile(path)) return { name: basename(root), path };
  }
  return undefined;
}

/**
 * The modules of a folder: files `name.ts`, `.mjs` or `.js`, and folders with an `index` of one of these. A module that
 * imports further files of its own must be a folder, so that they count towards its hash. No folder: no modules.
 * @throws SegueError `configuration` when the folder cannot be read, or two modules share a name
 */
export async function loadModules(folder: string | undefined): Promise<ModuleRegistry> {
  const registry = new Map<string, RegisteredModule>();
  if (folder === undefined) return registry;
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new SegueError('configuration', `The modules folder ${folder} cannot be read`, {
      cause,
      hint: 'Set SEGUE_MODULES to a folder that exists, or leave it unset.',
    });
  });
  for (const entry of names.sort()) {
    const root = join(folder, entry);
    const found = await entryAt(root);
    if (found === undefined || !namePattern.test(found.name)) continue;
    if (registry.has(found.name)) {
      throw refused(`Two modules are called "${found.name}" in ${folder}`, 'Rename one of them.');
    }
    if (registry.size === limits.modules) {
      throw refused(`More than ${limits.modules} modules in ${folder}`, 'Take out what is not used.');
    }
    registry.set(found.name, { ...found, root, sha256: await hashModule(root) });
  }
  return registry;
}

/**
 * The module of this name.
 * @throws SegueError `unknown_asset` when there is none
 */
export function moduleNamed(registry: ModuleRegistry, name: string): RegisteredModule {
  const found = registry.get(name);
  if (found !== undefined) return found;
  const known = [...registry.keys()].slice(0, 20).join(', ');
  throw new SegueError('unknown_asset', `No module "${name}" is registered`, {
    hint: known === '' ? 'The operator registers modules in SEGUE_MODULES.' : `Registered: ${known}`,
  });
}
