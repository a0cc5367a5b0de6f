import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { claviger } from '../src/cli/testing/cli-process.ts'
import { Authority, type Issued, noOpenssl } from './instruments/certificates.ts'
import { Gateway, StartFailed } from './instruments/gateway.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { type Reply, send } from './instruments/send.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const HSTS = 'max-age=31536000'

describe('a gateway with TLS', { skip: noOpenssl() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-tls-test-'))
  let authority: Authority
  let issued: Issued
  let home: World
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const env = { CLAVIGER_TLS_CERT: files.cert, CLAVIGER_TLS_KEY: files.key, CLAVIGER_PUBLIC_URL: 'https://gate.test' }

  const put = (next: Issued) => {
    copyFileSync(next.key, files.key)
    copyFileSync(next.cert, files.cert)
  }
  const ask = (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
    send({
      port: home.gateway.port,
      ca: authority.pem,
      method: 'GET',
      path,
      headers: { host: 'gate.test', ...headers },
    })

  before(async () => {
    authority = new Authority()
    issued = authority.issue()
    put(issued)
    home = await world({ env })
  })
  after(async () => {
    await home?.[Symbol.asyncDispose]()
    authority?.[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })

  test('says https where it says where it is', () => assert.match(home.gateway.url, /^https:\/\/127\.0\.0\.1:\d+$/))

  test('sends Strict-Transport-Security with every answer, its own and no service’s', async () => {
    home.upstream.on('x', (_request, response) => {
      response.writeHead(200, { 'strict-transport-security': 'max-age=0', 'content-length': 2 }).end('ok')
    })
    const bearer = { authorization: `Bearer ${home.token}` }
    const asked: readonly (readonly [path: string, status: number, headers?: Record<string, string>])[] = [
      ['/to/u/x', 200, bearer],
      ['/to/u/x', 401],
      ['/to/none/x', 403, bearer],
      ['/health', 200],
      ['/', 200],
      ['/claviger/v1/nothing', 404],
      ['/claviger/v1/explain', 405],
      ['/health', 421, { host: 'evil.test' }],
    ]
    for (const [path, status, headers] of asked) {
      const reply = await ask(path, headers)
      assert.deepEqual([path, reply.status, reply.headers['strict-transport-security']], [path, status, HSTS])
    }
  })

  test('resets the connection of an HTTP/1.0 caller whose answer breaks off', async () => {
    home.upstream.on('broken', (_request, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).write('half', () => response.destroy())
    })
    const socket = connect({ port: home.gateway.port, host: '127.0.0.1', ca: authority.pem })
    let text = ''
    const code = await new Promise<string>((resolve) => {
      socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
      socket.once('end', () => resolve('end'))
      socket.write(`GET /to/u/broken HTTP/1.0\r\nHost: gate.test\r\nAuthorization: Bearer ${home.token}\r\n\r\n`)
    })
    // Before its head went out the gateway may still say it in words.
    if (text.includes(' 200 ')) assert.equal(code, 'ECONNRESET')
    else assert.match(text, /^HTTP\/1\.1 502 /)
    assert.equal((await ask('/health')).status, 200)
  })

  test('serves the command line', async () => {
    const ca = { NODE_EXTRA_CA_CERTS: authority.cert, CLAVIGER_TOKEN: home.token }
    const url = { CLAVIGER_URL: `https://localhost:${home.gateway.port}` }
    const { code, stdout, stderr } = await claviger(['call', 'u', 'GET', '/x'], { env: { ...ca, ...url } })
    assert.deepEqual([code, stdout, stderr], [0, 'ok', ''])
  })

  test('takes a new certificate while calls run, and keeps what is good when the next one is bad', async () => {
    let end = () => {}
    const waiting = new Promise<void>((resolve) => {
      home.upstream.on('stream', (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: before\n\n')
        end = () => response.end('data: after\n\n')
        resolve()
      })
    })
    const running = ask('/to/u/stream', { authorization: `Bearer ${home.token}` })
    await waiting
    const next = authority.issue()
    put(next)
    await shows(next.serial)
    put(authority.issue())
    chmodSync(files.key, 0o644)
    await logged('tls_key_unsafe')
    await shows(next.serial)
    end()
    assert.equal((await running).text(), 'data: before\n\ndata: after\n\n')
  })

  /** Waits until new connections are shown the certificate with this serial number. */
  async function shows(serial: string): Promise<void> {
    await until(async () => {
      const seen = await new Promise<string>((resolve, reject) => {
        const options = { port: home.gateway.port, host: '127.0.0.1', ca: authority.pem }
        const socket = connect(options, () => {
          resolve(socket.getPeerCertificate().serialNumber)
          socket.destroy()
        }).on('error', reject)
      })
      return BigInt(`0x${seen}`) === BigInt(`0x${serial}`)
    })
  }

  async function logged(text: string): Promise<void> {
    await until(() => home.gateway.output().includes(text))
  }

  const starts: readonly (readonly [name: string, spoil: (own: typeof files) => void, code: string])[] = [
    ['a key that others may read', ({ key }) => chmodSync(key, 0o640), 'tls_key_unsafe'],
    ['a key of another certificate', ({ key }) => copyFileSync(authority.issue().key, key), 'tls_files_invalid'],
    ['no certificate', ({ cert }) => rmSync(cert), 'tls_files_invalid'],
  ]
  for (const [name, spoil, code] of starts) {
    test(`does not start with ${name}`, async () => {
      const own = join(mkdtempSync(join(folder, 'start-')), 'tls')
      mkdirSync(own)
      const [cert, key] = [join(own, 'cert.pem'), join(own, 'key.pem')]
      copyFileSync(issued.cert, cert)
      copyFileSync(issued.key, key)
      spoil({ cert, key })
      await assert.rejects(
        Gateway.start({ env: { CLAVIGER_TLS_CERT: cert, CLAVIGER_TLS_KEY: key } }),
        (error: StartFailed) => error instanceof StartFailed && error.code === 78 && error.output.includes(code),
      )
    })
  }
})

describe('plain HTTP from beyond this machine', { skip: noOwnAddress }, () => {
  const table: readonly (readonly [mode: string, asked: string, refused: boolean])[] = [
    ['auth', 'POST /auth/challenge', true],
    ['auth', 'POST /%61uth/challenge', true],
    ['auth', 'GET /agents/x', true],
    ['auth', 'POST /oauth/token', true],
    ['auth', 'POST /oauth/token?a=/to/', true],
    ['auth', 'POST /claviger/v1/auth/challenge', true],
    ['auth', 'GET /to/auth/x', false],
    ['auth', 'POST /claviger/v1/explain', false],
    ['auth', 'GET /.well-known/jwks.json', false],
    ['auth', 'GET /health', false],
    ['all', 'GET /to/u/x', true],
    ['all', 'POST /claviger/v1/call', true],
    ['all', 'POST /claviger/v1/explain', true],
    ['all', 'GET /', true],
    ['all', 'POST /auth/challenge', true],
    ['all', 'GET /health', false],
    ['all', 'GET /claviger/v1/health', false],
    ['off', 'POST /oauth/token', false],
    ['off', 'POST /claviger/v1/auth/challenge', false],
    ['off', 'POST /auth/challenge', true],
  ]
  for (const mode of ['auth', 'all', 'off']) {
    test(`is answered 426 where CLAVIGER_REQUIRE_HTTPS=${mode} says so`, async () => {
      const host = ownAddress as string
      await using gateway = await Gateway.start({
        env: {
          CLAVIGER_HOST: '0.0.0.0',
          CLAVIGER_UNSAFE_PLAIN_LISTEN: 'on',
          CLAVIGER_ALLOWED_HOSTS: host,
          CLAVIGER_REQUIRE_HTTPS: mode,
          CLAVIGER_DEMO: 'off',
        },
      })
      for (const [, asked, refused] of table.filter(([of]) => of === mode)) {
        const [method, path] = asked.split(' ') as [string, string]
        const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' }
        const body = method === 'POST' ? '{}' : undefined
        const far = await send({ host, port: gateway.port, method, path, headers, body })
        assert.equal(far.status === 426, refused, `${asked} from ${host}: ${far.status}`)
        const near = await gateway.agent(method, path, { headers, body })
        assert.notEqual(near.status, 426)
        if (!refused) continue
        assert.deepEqual([far.headers.upgrade, far.headers.connection], ['TLS/1.3', 'upgrade, close'])
        const said = far.json() as { code?: string; error?: { code: string } }
        if (path.startsWith('/oauth')) continue
        const code = /^\/(%61uth|auth|agents)\//.test(path) ? 'HTTPS_REQUIRED' : 'https_required'
        assert.equal(said.error?.code ?? said.code, code, asked)
      }
    })
  }
})
