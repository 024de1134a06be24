import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// `npm run dev` shows what a server plays that runs beside it.
const server = process.env.REELCAST ?? 'http://127.0.0.1:8080'

export default defineConfig({
  // The server says where its files are, which a proxy may show below a path.
  base: './',
  plugins: [svelte()],
  build: {
    target: ['es2022', 'safari16'],
    // The server lets pages load files of its own, and nothing that is written into a page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // In kB. hls.js is larger than most, and loaded only where something is played by it.
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      '^/(?!@|src/|node_modules/)': {
        target: server,
        bypass: (request) =>
          request.headers.accept?.includes('text/html') ? '/index.html' : undefined,
      },
    },
  },
})
