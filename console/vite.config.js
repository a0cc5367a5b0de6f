import { defineConfig } from 'vite'

/** Where `npm start` has the operators' pages; CLAVIGER_CONSOLE_API names another place. */
const gateway = process.env.CLAVIGER_CONSOLE_API ?? 'http://localhost:4318'

export default defineConfig({
  build: {
    // The policy of the pages lets no script and no style stand in the page itself.
    assetsInlineLimit: 0,
    modulePreload: false,
    target: 'es2022',
    reportCompressedSize: false,
  },
  server: {
    port: 4319,
    strictPort: true,
    host: 'localhost',
    // The gateway takes what its own pages send alone, so that is what it is told.
    proxy: {
      '/claviger': {
        target: gateway,
        changeOrigin: true,
        headers: { origin: gateway, 'sec-fetch-site': 'same-origin' },
      },
    },
  },
})
