// What everyday clients speak to, by HTTPS on one port and with one key: a git server (git's own http-backend), a registry of
// npm packages, JSON, and WebSockets. Who does not show the key is answered 401, so that what succeeds had it.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { WebSocketServer } from 'ws'
import type { Issued } from './certificates.ts'

export interface EverydayService {
  readonly port: number
  /** `<method> <url>` of everything that came with the key, and of everything that did not. */
  readonly served: string[]
  readonly refused: string[]
  close(): Promise<void>
}

export interface EverydayOptions {
  readonly issued: Issued
  readonly host: string
  readonly secret: string
  /** Where its repositories and packages are. */
  readonly folder: string
}

export async function everydayService({ issued, host, secret, folder }: EverydayOptions): Promise<EverydayService> {
  const [served, refused]: [string[], string[]] = [[], []]
  const packed = madePackage(folder)
  const has = (request: IncomingMessage): boolean => {
    const good = request.headers.authorization === `Bearer ${secret}`
    ;(good ? served : refused).push(`${request.method} ${request.url}`)
    return good
  }
  const server = createServer(
    { cert: readFileSync(issued.cert), key: readFileSync(issued.key) },
    (request, response) => {
      const { url = '' } = request
      if (!has(request)) response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      else if (url.startsWith('/git/')) answerGit(join(folder, 'git'), request, response)
      else if (url === '/npm/hello-claviger') answerJson(response, packument(`https://${request.headers.host}`, packed))
      else if (url.endsWith('.tgz')) response.end(packed)
      else answerJson(response, { hello: url })
    },
  )
  const speaking = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket: Socket, head) => {
    if (!has(request)) socket.destroy()
    else {
      speaking.handleUpgrade(request, socket, head, (web) =>
        web.on('message', (data, binary) => web.send(data, { binary })).on('error', () => {}),
      )
    }
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return {
    ...{ port: (server.address() as AddressInfo).port, served, refused },
    close: () =>
      new Promise((resolve) => {
        for (const web of speaking.clients) web.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answerJson(response: ServerResponse, body: object): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}

/** By RFC 3875, as a web server would run it. */
function answerGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = (request.url ?? '').slice('/git'.length).split('?')
  const { headers } = request
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...{ PATH: process.env.PATH, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
      ...{ REQUEST_METHOD: request.method, PATH_INFO: path, QUERY_STRING: query, REMOTE_USER: 'somebody' },
      ...{ CONTENT_TYPE: headers['content-type'], HTTP_CONTENT_ENCODING: headers['content-encoding'] },
      ...{ GIT_PROTOCOL: headers['git-protocol'] as string | undefined, REMOTE_ADDR: '127.0.0.1' },
    },
  })
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('close', () => {
    const whole = Buffer.concat(chunks)
    const end = whole.indexOf('\r\n\r\n')
    for (const line of whole.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(': ')
      if (name === 'Status') response.statusCode = Number(value.split(' ')[0])
      else response.setHeader(name, value)
    }
    response.end(whole.subarray(end + 4))
  })
}

/** As `npm pack` makes one. */
function madePackage(folder: string): Buffer {
  const place = join(folder, 'npm', 'package')
  mkdirSync(place, { recursive: true })
  writeFileSync(
    join(place, 'package.json'),
    JSON.stringify({ name: 'hello-claviger', version: '1.0.0', main: 'index.js' }),
  )
  writeFileSync(join(place, 'index.js'), "module.exports = 'from the registry'\n")
  const file = join(folder, 'npm', 'package.tgz')
  execFileSync('tar', ['-C', join(folder, 'npm'), '-czf', file, 'package'])
  return readFileSync(file)
}

function packument(origin: string, packed: Buffer): object {
  const integrity = `sha512-${createHash('sha512').update(packed).digest('base64')}`
  const dist = { integrity, tarball: `${origin}/npm/hello-claviger/-/hello-claviger-1.0.0.tgz` }
  const version = { name: 'hello-claviger', version: '1.0.0', main: 'index.js', dist }
  return { name: 'hello-claviger', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }
}
