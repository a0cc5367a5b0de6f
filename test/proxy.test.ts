// The agents' listener as a proxy: unchanged clients, CONNECT and whole URLs, one gate for every request inside.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { connect as secure, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { asOperator } from './instruments/command-line.ts'
import { tlsUpstream } from './instruments/tls-upstream.ts'
import { closed, until } from './instruments/wait.ts'
import { furnish, type World, world } from './instruments/world.ts'

const run = promisify(execFile)

interface Denied {
  readonly decision: { readonly reasons: readonly string[] }
}

describe('the gateway as a proxy', { skip: noOpenssl() }, () => {
  const files = mkdtempSync(join(tmpdir(), 'claviger-proxy-'))
  const trust = join(files, 'local-ca.pem')
  let authority: Authority
  let around: World
  let upstream: Awaited<ReturnType<typeof tlsUpstream>>
  /** Both are the same server: what tells them apart is the name alone. */
  let here = ''
  let there = ''
  let token = ''
  let proxy = ''
  const secret = 'sk-of-the-service-0123456789'

  before(async () => {
    authority = new Authority()
    upstream = await tlsUpstream(authority.issue())
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    here = `localhost:${upstream.port}`
    there = `127.0.0.1:${upstream.port}`
    const { gateway } = around
    token = (
      await furnish(gateway, {
        name: 'secured',
        origins: [`https://${here}`],
        secret,
        service: { trust: authority.pem },
      })
    ).token
    await gateway.does('POST', '/services', {
      name: 'other',
      origins: [`https://${there}`],
      addresses: ['127.0.0.0/8'],
      trust: authority.pem,
      injection: { kind: 'bearer' },
    })
    await gateway.does('POST', '/credentials', { handle: 'other-key', service: 'other', secret: `${secret}-other` })
    await gateway.does('POST', '/grants', { agent: 'agent-of-secured', service: 'other', scopes: ['other:*'] })
    proxy = `http://${token}@127.0.0.1:${gateway.port}`
    const answer = await gateway.agent('GET', '/claviger/v1/agents/self/local-ca', {
      headers: { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${token}` },
    })
    writeFileSync(trust, (answer.json() as { certificate: string }).certificate)
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
    rmSync(files, { recursive: true })
  })
  beforeEach(() => void upstream.sent.splice(0))

  const curl = async (...args: string[]) => {
    const { stdout } = await run('curl', ['-sS', '--max-time', '30', '-w', '\n%{http_code} %{http_connect}', ...args])
    const [status, connectStatus] = (stdout.split('\n').at(-1) ?? '').split(' ').map(Number)
    return { status, connectStatus, body: stdout.slice(0, stdout.lastIndexOf('\n')) }
  }

  test('gives curl the service, with the credential and without the token', async () => {
    const url = `https://${here}/v1/items?a=1`
    const { status, body } = await curl('-x', proxy, '--cacert', trust, '-H', 'Authorization: Bearer nobody', url)
    assert.deepEqual([status, body], [200, '{"hello":"/v1/items?a=1"}'])
    const [sent] = upstream.sent
    assert.equal(sent?.headers.authorization, `Bearer ${secret}`)
    assert.ok(!JSON.stringify(sent).includes(token))
  })

  test('carries bodies, and plain URLs to whoever speaks no CONNECT', async () => {
    const posted = await curl('-x', proxy, '--cacert', trust, '-d', 'x=1', `https://${here}/post`)
    assert.deepEqual([posted.status, upstream.sent[0]?.body], [200, 'x=1'])
    const plain = await curl(
      '-x',
      `http://${around.token}@127.0.0.1:${around.gateway.port}`,
      `${around.upstream.origin}/p?q`,
    )
    assert.equal(plain.status, 200)
    const [received] = around.upstream.received('/p')
    assert.deepEqual(received?.headers.get('authorization'), [`Bearer ${around.secret}`])
    assert.equal(received?.headers.get('proxy-authorization'), undefined)
  })

  test('refuses who shows no token, a wrong one or an operator’s, and hosts that nobody was given', async () => {
    const url = `https://${here}/`
    const at = (user: string) => `http://${user}127.0.0.1:${around.gateway.port}`
    const refused = async (...args: string[]) => {
      const failed = await curl('--cacert', trust, ...args).catch((error: { stdout: string }) => error.stdout)
      assert.equal(typeof failed, 'string', JSON.stringify(failed))
      return Number((failed as string).split(' ').at(-1))
    }
    assert.equal(await refused('-x', at(''), url), 407)
    assert.equal(await refused('-x', at('nonsense@'), url), 407)
    assert.equal(await refused('-x', at(`${around.gateway.operatorToken}@`), url), 403)
    assert.equal(await refused('-x', proxy, 'https://nobody.example/'), 403)
    assert.equal(await refused('-x', at(`${around.token}@`), url), 403)
    assert.equal(upstream.sent.length, 0)
    await until(async () => {
      const records = '/audit/records?type=deny&limit=50'
      const { items } = await around.gateway.does<{ items: Denied[] }>('GET', records)
      const reasons = new Set(items.map(({ decision }) => decision.reasons[0]))
      return ['unauthenticated', 'service_unknown', 'no_grant'].every((reason) => reasons.has(reason))
    })
  })

  /** A tunnel to `authority`, and TLS inside as `name`. */
  async function tunnel(to: string, name: string, shown = token): Promise<{ socket: Socket; tls: TLSSocket }> {
    const socket = connect(around.gateway.port, '127.0.0.1')
    const basic = Buffer.from(`${shown}:`).toString('base64')
    socket.write(`CONNECT ${to} HTTP/1.1\r\nhost: ${to}\r\nproxy-authorization: Basic ${basic}\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (!answer.toString().startsWith('HTTP/1.1 200 ')) throw new Error(answer.toString())
    const names = /^[\d.]+$/.test(name) || name === '' ? {} : { servername: name }
    const tls = secure({ socket, ...names, checkServerIdentity: () => undefined, rejectUnauthorized: false })
    tls.on('error', () => {})
    await Promise.race([once(tls, 'secureConnect'), closed(tls)])
    return { socket, tls }
  }

  async function ask(tls: TLSSocket, host: string, target = '/'): Promise<number> {
    if (tls.destroyed) return 0
    tls.write(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    const [answer] = (await Promise.race([once(tls, 'data'), closed(tls).then(() => [Buffer.alloc(0)])])) as [Buffer]
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer.toString())?.[1] ?? 0)
  }

  test('wants CONNECT, the handshake and Host to name the same (E-02)', async () => {
    const names = () => [here, there, `nobody.test:${upstream.port}`]
    const bare = (name: string) => name.slice(0, name.indexOf(':'))
    for (const to of names())
      for (const name of names())
        for (const host of names()) {
          const opened = await tunnel(to, bare(name)).catch(() => undefined)
          const status = opened === undefined ? 0 : await ask(opened.tls, host)
          opened?.socket.destroy()
          // An address is not named in a handshake: there CONNECT and Host say it.
          const [toAddress, nameless] = [to === there, name === there]
          const same = to === host && (name === to || (toAddress && nameless)) && to !== names()[2]
          assert.equal(status === 200, same, `${to} ${name} ${host}: ${status}`)
        }
    assert.ok(upstream.sent.every(({ headers }) => headers.host === here || headers.host === there))
    for (const { headers } of upstream.sent) {
      const own = headers.host === here ? `Bearer ${secret}` : `Bearer ${secret}-other`
      assert.equal(headers.authorization, own)
    }
  })

  test('lets a whole URL inside say what the tunnel says, and nothing else', async () => {
    const { socket, tls } = await tunnel(here, 'localhost')
    assert.equal(await ask(tls, here, `https://${here}/whole`), 200)
    assert.equal(await ask(tls, here, `https://${there}/whole`), 421)
    socket.destroy()
    assert.deepEqual(
      upstream.sent.map(({ url }) => url),
      ['/whole'],
    )
  })

  async function opened(): Promise<Socket> {
    const socket = connect(around.gateway.port, '127.0.0.1')
    const basic = Buffer.from(`${token}:`).toString('base64')
    socket.write(`CONNECT ${here} HTTP/1.1\r\nhost: ${here}\r\nproxy-authorization: Basic ${basic}\r\n\r\n`)
    await once(socket, 'data')
    return socket
  }

  test('is done with a client that leaves amid its handshake, before the handshake’s time is over', async () => {
    const socket = await opened()
    socket.resume().end()
    await until(() => socket.closed, 8_000)
  })

  test('cuts what is no TLS, and opens nothing for it', async () => {
    const socket = await opened()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    socket.resume()
    await closed(socket)
    assert.equal(upstream.sent.length, 0)
  })

  test('sends nothing to a server for which nobody vouches that the service believes', async () => {
    using stranger = new Authority()
    const origins = [`https://${here}`]
    for (const [name, trust] of [
      ['without', undefined],
      ['other', stranger.pem],
    ] as const) {
      const service = { ...(trust !== undefined && { trust }) }
      const { token: own } = await furnish(around.gateway, { name: `believes-${name}`, origins, secret, service })
      const at = `http://x:${own}@127.0.0.1:${around.gateway.port}`
      const { status, body } = await curl('-x', at, '-k', `https://${here}/`)
      assert.deepEqual([status, (JSON.parse(body) as { code: string }).code], [502, 'upstream_tls'])
    }
    assert.equal(upstream.sent.length, 0)
    for (const trust of ['', 'nothing', authority.pem.replace(/MII/, 'AAA'), `${authority.pem}more`]) {
      const described = { name: 'broken', origins, addresses: ['127.0.0.0/8'], injection: { kind: 'bearer' }, trust }
      await assert.rejects(around.gateway.does('POST', '/services', described), /422.*service_invalid/)
    }
  })

  test('has another authority once its key is another', async () => {
    const local = (verb: string) => asOperator(around.gateway, `local-ca ${verb}`)
    const shown = (await local('show')).stdout
    assert.match(shown, /^-----BEGIN CERTIFICATE-----\n/)
    const { tls, socket } = await tunnel(here, 'localhost')
    const issuer = new X509Certificate(tls.getPeerCertificate().raw)
    assert.ok(issuer.verify(new X509Certificate(shown).publicKey))
    socket.destroy()
    const rotated = new X509Certificate((await local('rotate')).stdout)
    const again = await tunnel(here, 'localhost')
    const leaf = new X509Certificate(again.tls.getPeerCertificate().raw)
    assert.ok(leaf.verify(rotated.publicKey) && !leaf.verify(new X509Certificate(shown).publicKey))
    again.socket.destroy()
  })

  test('ends tunnels, idle and busy, with the token that opened them', async () => {
    const { token: mine, id } = await around.gateway.does<{ token: string; id: string }>('POST', '/tokens', {
      agent: 'agent-of-secured',
    })
    const open = await Promise.all(Array.from({ length: 20 }, () => tunnel(here, 'localhost', mine)))
    for (const { tls } of open.slice(0, 10)) tls.write(`GET /stream HTTP/1.1\r\nhost: ${here}\r\n\r\n`)
    await until(() => upstream.sent.length === 10)
    const ends = open.map(({ tls }) => closed(tls.resume()))
    await around.gateway.does('DELETE', `/tokens/${id}`)
    await Promise.all(ends)
    await assert.rejects(tunnel(here, 'localhost', mine), /407/)
  })
})
