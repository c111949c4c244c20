import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Path of an installed Chromium or Chrome (CHROMIUM_PATH goes first), or undefined. */
function findChromium(): string | undefined {
  const given = process.env['CHROMIUM_PATH'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [...(given === undefined ? [] : [given]), ...candidates].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why tests that need a browser are skipped, to be printed; undefined where there is one. */
export const noChromium: string | undefined =
  findChromium() === undefined
    ? 'skipped: neither chromium nor google-chrome is on PATH, and CHROMIUM_PATH is not set'
    : undefined;

/** Starts a headless browser that talks to nobody of its own accord and may play without a click. */
export async function openChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium() ?? '',
    timeout: 120_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}
