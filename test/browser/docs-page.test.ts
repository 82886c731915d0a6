/**
 * The page of docs/browser.md, as a reader makes it: its files in an empty project, bundled by Vite, served, and
 * opened. Runs in Node and drives the browser from there.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from './find-chromium.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manual = readFileSync(join(root, 'docs/browser.md'), 'utf8');
const project = mkdtempSync(join(tmpdir(), 'page-'));
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** The block of the manual whose first line names the file. */
function block(file: string): string {
  const blocks = [...manual.matchAll(/^```\w+\n([\s\S]*?)^```/gm)].map(([, text]) => text as string);
  const found = blocks.find((text) => text.split('\n')[0]?.includes(file));
  if (found === undefined) throw new Error(`docs/browser.md has no block for ${file}`);
  return found;
}

function linkPackages(): void {
  const tfjs = ['core', 'layers', 'backend-wasm', 'backend-webgl'].map((name) => `@tensorflow/tfjs-${name}`);
  const places = new Map(tfjs.map((name) => [name, join(root, 'node_modules', name)]));
  places.set('tfjs-privacy', root).set('privacy-accounting', join(root, 'privacy-accounting'));
  for (const [name, target] of places) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link, 'junction');
  }
}

let server: Server;
let browser: Browser;
const modules: string[] = [];

beforeAll(async () => {
  linkPackages();
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  // The page's first line is its name; a document begins with its doctype.
  writeFileSync(join(project, 'index.html'), block('index.html').split('\n').slice(1).join('\n'));
  writeFileSync(join(project, 'main.js'), block('main.js'));
  const bundle = (await build({
    root: project,
    configFile: false,
    logLevel: 'silent',
  })) as Rolldown.RolldownOutput;
  for (const part of bundle.output) if (part.type === 'chunk') modules.push(...part.moduleIds);
  server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://page').pathname);
    try {
      const content = readFileSync(join(project, 'dist', path === '/' ? 'index.html' : path));
      response.setHeader('content-type', TYPES[extname(path)] ?? 'text/html').end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await chromium.launch({ executablePath: findChromium(), args: [...CHROMIUM_FLAGS] });
});
afterAll(async () => {
  await browser?.close();
  server?.close();
  rmSync(project, { recursive: true, force: true });
});

it('is bundled without asking for a module of Node', () => {
  expect(modules.filter((id) => id.includes('privacy-accounting')).length).toBeGreaterThan(10);
  // Where Vite finds none it puts an empty module. What tfjs asks for beside us has no prefix.
  expect(modules.filter((id) => id.includes('browser-external:node:'))).toEqual([]);
});

it('trains, and says its ε', async () => {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const status = page.getByRole('status').filter({ hasText: /^(Done|Failed)/ });
  await status.waitFor({ timeout: 90_000 });
  expect(await status.textContent()).toMatch(/^Done on wasm: ε ≤ (1\.99|2\.00) at δ = 0\.0001$/);
  expect(errors).toEqual([]);
});
