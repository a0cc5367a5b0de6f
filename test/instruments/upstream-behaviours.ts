import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { compressions, plainEncodings } from './encodings.ts'
import { patternStream } from './pattern.ts'
import type { Behaviour } from './recording-upstream.ts'
import { stalls } from './upstream-stalls.ts'

const query = (request: IncomingMessage): URLSearchParams => new URL(request.url ?? '/', 'http://u').searchParams
const segment = (request: IncomingMessage, at: number): string =>
  (request.url ?? '/').split('?')[0]!.split('/')[at + 1] ?? ''

/** The secret the gateway attached, taken out of whichever header carries it. */
export function secretSeen(request: IncomingMessage): string {
  const header = query(request).get('from') ?? 'authorization'
  if (header.startsWith('query:')) return query(request).get(header.slice('query:'.length)) ?? ''
  const value = String(request.headers[header] ?? '')
  if (value.startsWith('Basic '))
    return Buffer.from(value.slice(6), 'base64')
      .toString('latin1')
      .replace(/^[^:]*:/, '')
  return value.replace(/^(Bearer|Bot|Token) /, '')
}

const json = (response: ServerResponse, status: number, value: unknown): void => {
  const body = JSON.stringify(value)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/** `/echo/<encoding>?in=body|header|reason|sse|trailer&pack=gzip|…&split=N&status=500`: the credential, sent back. */
const echo: Behaviour = (request, response) => {
  const asked = query(request)
  const status = Number(asked.get('status') ?? 200)
  const encoded = plainEncodings[segment(request, 1)]!(secretSeen(request))
  const place = asked.get('in') ?? 'body'
  if (place === 'header') return void response.writeHead(status, { 'x-echo': encoded.toString('latin1') }).end('echoed')
  if (place === 'reason') return void response.writeHead(status, `OK ${encoded.toString('latin1')}`).end('echoed')
  if (place === 'trailer') return echoTrailer(response, encoded)
  const wrapped = Buffer.concat([Buffer.from('before '), encoded, Buffer.from(' after')])
  if (place === 'sse') {
    response.writeHead(status, { 'content-type': 'text/event-stream' })
    return void response.end(Buffer.concat([Buffer.from('data: '), wrapped, Buffer.from('\n\n')]))
  }
  const pack = asked.get('pack')
  const body = pack === null ? wrapped : compressions[pack]!(wrapped)
  response.writeHead(status, { 'content-type': 'text/plain', ...(pack === null ? {} : { 'content-encoding': pack }) })
  sendSplit(response, body, asked.get('split'))
}

function echoTrailer(response: ServerResponse, encoded: Buffer): void {
  response.writeHead(200, { trailer: 'x-echo', 'content-type': 'text/plain' })
  response.write('echoed')
  response.addTrailers({ 'x-echo': encoded.toString('latin1') })
  response.end()
}

/** One write for each side of the split, in separate turns so that they leave as separate chunks. */
function sendSplit(response: ServerResponse, body: Buffer, split: string | null): void {
  if (split === null) return void response.end(body)
  response.write(body.subarray(0, Number(split)))
  setImmediate(() => response.end(body.subarray(Number(split))))
}

/** Swallows the body and says what it was. */
const digest: Behaviour = (request, response) => {
  const hash = createHash('sha256')
  let length = 0
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    length += chunk.length
  })
  request.on('end', () => json(response, 200, { length, sha256: hash.digest('hex') }))
}

/** `/bytes/<n>`: n bytes of the known pattern. `?chunked=1` leaves the length out. */
const bytes: Behaviour = (request, response) => {
  const length = Number(segment(request, 1))
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(query(request).has('chunked') ? {} : { 'content-length': length }),
  })
  patternStream(length)
    .on('error', () => undefined)
    .pipe(response)
}

/** `/redirect/<status>?to=<location>`. */
const redirect: Behaviour = (request, response) => {
  response.writeHead(Number(segment(request, 1)), { location: query(request).get('to') ?? '/' })
  response.end('moved')
}

const hostileHeaders: Behaviour = (_request, response) => {
  response.writeHead(200, {
    'set-cookie': ['session=1; Path=/', 'claviger=2'],
    'clear-site-data': '"*"',
    'alt-svc': 'h3=":443"',
    connection: 'x-hop',
    'x-hop': 'must not pass',
    'claviger-request-id': 'forged',
    'proxy-status': 'forged',
    'x-plain': 'passes',
  })
  response.end('ok')
}

/** Built-in answers by first path segment; anything else gets `ok`. */
export const behaviours: Readonly<Record<string, Behaviour>> = {
  ok: (request, response) => json(response, 200, { ok: true, method: request.method, url: request.url }),
  echo,
  digest,
  bytes,
  redirect,
  'hostile-headers': hostileHeaders,
  status: (request, response) => json(response, Number(segment(request, 1)), { status: segment(request, 1) }),
  mirror: (request, response) => {
    response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'application/octet-stream' })
    request.pipe(response)
  },
  headers: (request, response) => json(response, 200, request.rawHeaders),
  sse: (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let i = 0; i < Number(segment(request, 1)); i++) response.write(`data: event ${i}\n\n`)
    response.end()
  },
  ...stalls,
}
