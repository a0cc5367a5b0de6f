// The files of the console, as it was built into console/dist, and what every answer of the operators' listener says to
// browsers. Nothing is looked up by path: what there is was read at the start, and everything else is not there.
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { etagOf } from './http/etag.ts'
import type { Handle } from './http/listen.ts'
import { httpProblem } from './http/problems.ts'
import { sendProblem } from './http/send-problem.ts'

/** Where the console is built to. */
export const CONSOLE = join(import.meta.dirname, '..', 'console', 'dist')

/** On every answer, refusals too. A page runs our scripts alone, is framed by nobody, and writes no text into itself as script. */
export const OPERATOR_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "require-trusted-types-for 'script'; trusted-types claviger",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

interface Page {
  readonly bytes: Buffer
  readonly type: string
  readonly etag: string
  readonly cache: string
}

/** Answers GET and HEAD: a file by its exact path, and the console's one page for every path without a file's ending. */
export function operatorPages(folder: string = CONSOLE): Handle {
  const pages = readPages(folder)
  const home = pages.get('/index.html') ?? NO_CONSOLE
  return (request, response, rid) => {
    const path = (request.url as string).split('?')[0] as string
    const page = pages.get(path) ?? (extname(path) === '' ? home : undefined)
    const { method } = request
    if (page === undefined) return sendProblem(response, httpProblem('endpoint_unknown'), rid)
    if (method !== 'GET' && method !== 'HEAD') {
      return sendProblem(response, httpProblem('method_refused', { hint: 'Use GET.' }), rid)
    }
    const { bytes, type, etag, cache } = page
    const known = request.headers['if-none-match'] === etag
    response.writeHead(known ? 304 : 200, { 'cache-control': cache, etag, ...(!known && sized(bytes, type)) })
    response.end(known || method === 'HEAD' ? undefined : bytes)
  }
}

const sized = (bytes: Buffer, type: string) => ({ 'content-type': type, 'content-length': bytes.length })

function readPages(folder: string): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>()
  for (const file of filesIn(folder)) {
    const path = `/${relative(folder, file).split(sep).join('/')}`
    const type = TYPES[extname(file)]
    if (type !== undefined) pages.set(path, pageOf(readFileSync(file), type, path))
  }
  return pages
}

function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** What is under assets/ has its content's hash in its name. */
function pageOf(bytes: Buffer, type: string, path: string): Page {
  const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
  return { bytes, type, etag: etagOf(bytes), cache }
}

/** Where the console was not built: says what still works. No script, no style. */
const NO_CONSOLE = pageOf(
  Buffer.from(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Claviger: operators</title>' +
      '<h1>Claviger</h1><p>The operators’ pages are not built here. <code>npm start</code> in the checkout builds them.</p>' +
      '<p>Until then the command line does everything: <code>npx claviger --help</code>.</p></html>\n',
  ),
  'text/html; charset=utf-8',
  '/index.html',
)
