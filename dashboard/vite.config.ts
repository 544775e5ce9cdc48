import { defineConfig } from 'vite';

/** Where `npx vite dashboard` finds a running server. */
const SERVER = 'http://127.0.0.1:8420';

export default defineConfig({
  // Every address is relative: the page works below any path.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2023', assetsInlineLimit: 0 },
  server: { proxy: { '/v1': { target: SERVER, changeOrigin: true } } },
});
