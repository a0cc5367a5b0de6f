import { createRequire } from 'node:module'
import type * as undici from 'undici'

/**
 * undici's connections and nothing else of it. Its index also loads fetch, WebSockets, caches and mocks, which nobody here
 * uses: 90 modules and 3 MB of heap. The package has no `exports`, and its version is pinned.
 */
const require = createRequire(import.meta.url)

export const Client = require('undici/lib/dispatcher/client.js') as typeof undici.Client
export const Pool = require('undici/lib/dispatcher/pool.js') as typeof undici.Pool
export type Client = undici.Client
export type Pool = undici.Pool
