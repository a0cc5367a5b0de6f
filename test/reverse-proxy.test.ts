import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type Socket, connect as tcpConnect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { addressSet } from '../src/ground/addresses.ts'
import { clientAddresses } from '../src/http/client-address.ts'
import { type Listener, listenTcp } from '../src/http/listen.ts'
import { httpsRequirement } from '../src/http/require-https.ts'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { repository } from './instruments/gateway.ts'
import { heldPort } from './instruments/held-port.ts'
import { closed, until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const missing = spawnSync('sh', ['-c', 'command -v nginx']).status === 0 ? noOpenssl() : 'nginx is not there'

/** nginx with these servers, on loopback. */
class Nginx {
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
  }

  static async start(servers: string, ports: readonly number[]): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'claviger-nginx-'))
    const file = join(folder, 'nginx.conf')
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`)
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; events {}
       http { access_log off; set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol; ${paths.join(' ')} ${servers} }`,
    )
    const child = spawn('nginx', ['-p', folder, '-c', file], { stdio: ['ignore', 'ignore', 'inherit'] })
    for (const port of ports) await reachable(port, child)
    return new Nginx(child, folder)
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await gone
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function reachable(port: number, child: ChildProcess): Promise<void> {
  await until(() => {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
    return new Promise<boolean>((resolve) => {
      const socket = tcpConnect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
  })
}

/** Held until the tests are over: nginx cannot say which ports it was given. */
async function portsFor(held: DisposableStack, count: number): Promise<number[]> {
  const ports = await Promise.all(Array.from({ length: count }, heldPort))
  return ports.map((one) => held.use(one).port)
}

interface Asked {
  readonly port: number
  /** Where the client says to be, by the PROXY protocol: nginx takes it for the address of the connection. */
  readonly from: string
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly string[]
  readonly ca?: string
}

/** One request from anywhere, and the bytes of its answer. */
async function ask({ port, from, method = 'GET', path = '/', headers = [], ca }: Asked): Promise<string> {
  const raw = tcpConnect(port, '127.0.0.1')
  const [family, to] = from.includes(':') ? ['TCP6', '::1'] : ['TCP4', '127.0.0.1']
  raw.write(`PROXY ${family} ${from} ${to} 4711 ${port}\r\n`)
  const socket: Socket = ca === undefined ? raw : tlsConnect({ socket: raw, ca, servername: 'gate.test' })
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: gate.test', 'Connection: close', 'Content-Length: 0', ...headers]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  await closed(socket)
  return text
}

/** The block of the guide, with ports and files of this test's own, and the PROXY protocol before it. */
function guideBlock(listen: string, upstream: number, name: string, files: { cert: string; key: string }): string {
  const guide = readFileSync(join(repository, 'docs', 'guides', 'tls.md'), 'utf8')
  const block = /```nginx\n([\s\S]*?)```/.exec(guide)?.[1] as string
  const changes: readonly (readonly [string, string])[] = [
    ['listen 443 ssl;', `listen ${listen} proxy_protocol;`],
    ['127.0.0.1:4317', `127.0.0.1:${upstream}`],
    ['upstream claviger', `upstream ${name}`],
    ['http://claviger', `http://${name}`],
    ['server_name claviger.example.com;', 'server_name gate.test;'],
    ['/etc/ssl/claviger.pem', files.cert],
    ['/etc/ssl/claviger.key', files.key],
  ]
  return changes.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the guide no longer says ${from}`)
    return text.replace(from, to)
  }, block)
}

const spoofs = [
  [],
  ['X-Forwarded-For: 127.0.0.1'],
  ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-For: 10.0.0.1'],
  ['X-Forwarded-Proto: https'],
  ['X-Forwarded-Proto: https', 'X-Forwarded-Proto: http'],
  ['Forwarded: for=127.0.0.1;proto=https'],
  ['Forwarded: for="', 'X-Real-IP: 127.0.0.1', 'X-Forwarded-For: "'],
] as const

describe('a client behind nginx', { skip: missing }, () => {
  let authority: Authority
  let nginx: Nginx
  let listener: Listener
  let ports: number[]
  const held = new DisposableStack()

  before(async () => {
    authority = new Authority()
    const clientOf = clientAddresses(addressSet(['127.0.0.1', '198.51.100.0/24']))
    const requireHttps = httpsRequirement(clientOf)
    listener = await listenTcp(
      {
        nextRid: () => 'rid',
        hosts: () => new Set(['gate.test']),
        handle: (request, response) => {
          const { address, secure, loopback } = clientOf(request)
          const status = requireHttps(request)?.status ?? 200
          response.end(`[${address} ${secure ? 'https' : 'http'} ${loopback ? 'loopback' : 'beyond'} ${status}]`)
        },
      },
      '127.0.0.1',
      0,
    )
    ports = await portsFor(held, 5)
    const [tls, plain, inner, outer, standard] = ports as [number, number, number, number, number]
    const files = authority.issue()
    const to = (port: number, headers: string) => `location / { proxy_pass http://127.0.0.1:${port}; ${headers} }`
    const appended = `proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header Forwarded "";`
    const own = `proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto "";
      proxy_set_header X-Forwarded-For ""; proxy_set_header Forwarded "for=$remote_addr;proto=$scheme";`
    nginx = await Nginx.start(
      `${guideBlock(`127.0.0.1:${tls} ssl`, listener.port, 'one', files)}
       ${guideBlock(`127.0.0.1:${plain}`, listener.port, 'two', files)}
       server { listen 127.0.0.1:${inner}; ${to(listener.port, appended)} }
       server { listen 127.0.0.1:${outer} proxy_protocol; ${to(inner, appended)} }
       server { listen 127.0.0.1:${standard} proxy_protocol; ${to(listener.port, own)} }`,
      ports,
    )
  })
  after(async () => {
    await nginx?.stop()
    await listener?.close(0)
    authority?.[Symbol.dispose]()
    held.dispose()
  })

  for (const headers of spoofs) {
    test(`is who nginx says, with ${headers.join(' | ') || 'no headers of its own'}`, async () => {
      const [tls, plain, , outer, standard] = ports as [number, number, number, number, number]
      const ca = authority.pem
      for (const from of ['203.0.113.9', '2001:db8::9']) {
        assert.match(await ask({ port: tls, from, headers, ca }), new RegExp(`\\[${from} https beyond 200\\]`))
        assert.match(await ask({ port: plain, from, headers }), new RegExp(`\\[${from} http beyond 426\\]`))
      }
      // The inner nginx adds the outer one, which is trusted, to the client.
      assert.match(await ask({ port: outer, from: '203.0.113.9', headers }), /\[203\.0\.113\.9 http beyond 426\]/)
      assert.match(await ask({ port: standard, from: '203.0.113.9', headers }), /\[203\.0\.113\.9 http beyond 426\]/)
    })
  }

  test('is the one before a proxy that is trusted as well', async () => {
    const outer = ports[3] as number
    const headers = ['X-Forwarded-For: 203.0.113.9']
    assert.match(await ask({ port: outer, from: '198.51.100.7', headers }), /\[203\.0\.113\.9 http beyond 426\]/)
    assert.match(await ask({ port: outer, from: '192.0.2.7', headers }), /\[192\.0\.2\.7 http beyond 426\]/)
  })
})

describe('a gateway behind nginx', { skip: missing }, () => {
  let authority: Authority
  let nginx: Nginx
  let home: World
  let ports: number[]
  const held = new DisposableStack()

  before(async () => {
    authority = new Authority()
    home = await world({
      env: { CLAVIGER_PUBLIC_URL: 'https://gate.test', CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' },
    })
    ports = await portsFor(held, 2)
    const [tls, plain] = ports as [number, number]
    const files = authority.issue()
    nginx = await Nginx.start(
      guideBlock(`127.0.0.1:${tls} ssl`, home.gateway.port, 'one', files) +
        guideBlock(`127.0.0.1:${plain}`, home.gateway.port, 'two', files),
      ports,
    )
  })
  after(async () => {
    await nginx?.stop()
    await home?.[Symbol.asyncDispose]()
    authority?.[Symbol.dispose]()
    held.dispose()
  })

  test('carries calls, and keeps who called from the service', async () => {
    const [tls] = ports as [number]
    const headers = [`Authorization: Bearer ${home.token}`, 'X-Forwarded-For: 192.0.2.99']
    const answer = await ask({ port: tls, from: '203.0.113.9', path: '/to/u/hello?a=//b', headers, ca: authority.pem })
    assert.match(answer, /^HTTP\/1\.1 200 /)
    assert.match(answer, /strict-transport-security: max-age=31536000\r\n/i)
    const [receipt] = home.upstream.received('/hello')
    assert.equal(receipt?.url, '/hello?a=//b')
    const bytes = home.upstream.bytes().toString('latin1')
    for (const word of ['203.0.113.9', '192.0.2.99', 'orwarded']) assert.ok(!bytes.includes(word), word)
  })

  test('wants HTTPS where tokens are made', async () => {
    const [tls, plain] = ports as [number, number]
    const headers = ['X-Forwarded-Proto: https', 'X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1;proto=https']
    for (const path of ['/auth/challenge', '/oauth/token', '/claviger/v1/auth/challenge']) {
      const asked = { method: 'POST', path, headers, from: '203.0.113.9' }
      assert.match(await ask({ ...asked, port: plain }), /^HTTP\/1\.1 426 /)
      const secure = await ask({ ...asked, port: tls, ca: authority.pem })
      assert.match(secure, /^HTTP\/1\.1 4(?!26)/)
    }
    // Straight to the listener, without a proxy: a client of this machine.
    assert.notEqual((await home.gateway.agent('POST', '/auth/challenge')).status, 426)
  })

  test('is known by its public address', async () => {
    const [tls] = ports as [number]
    const path = '/.well-known/oauth-authorization-server'
    const answer = await ask({ port: tls, from: '203.0.113.9', path, ca: authority.pem })
    assert.match(answer, /"issuer":"https:\/\/gate\.test"/)
  })
})
