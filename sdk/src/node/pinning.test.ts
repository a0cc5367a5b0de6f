import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, request, type Server, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Authority, type Issued, noOpenssl } from '../../../test/instruments/certificates.ts'
import { pinnedAgent, pinnedFetch, pinOf } from './pinning.ts'

const skip = noOpenssl() ?? false
const backup = `sha256:${'0'.repeat(64)}`

describe('pinnedFetch()', { skip }, () => {
  let authority: Authority
  let evil: Authority
  let issued: Issued
  const servers: Server[] = []
  before(() => {
    authority = new Authority()
    evil = new Authority()
    issued = authority.issue()
  })
  after(() => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    authority?.[Symbol.dispose]()
    evil?.[Symbol.dispose]()
  })

  const text = (path: string) => readFileSync(path, 'utf8')
  const files = ({ cert, key }: Issued): ServerOptions => ({ cert: text(cert), key: text(key) })

  async function serve(options: ServerOptions): Promise<string> {
    const server = createServer(options, async (incoming, response) => {
      let body = ''
      for await (const chunk of incoming.setEncoding('utf8')) body += chunk
      if (incoming.url === '/redirect') response.writeHead(302, { location: '/elsewhere' }).end()
      else if (incoming.url === '/empty') response.writeHead(204, { 'set-cookie': ['a=1', 'b=2'] }).end()
      else
        response.end(JSON.stringify({ method: incoming.method, url: incoming.url, x: incoming.headers['x-a'], body }))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const codeOf = async (work: Promise<unknown>) => {
    try {
      await work
      return undefined
    } catch (error) {
      return (error as { code?: string }).code
    }
  }

  test('carries requests and answers as fetch does', async () => {
    const url = await serve(files(issued))
    const pinned = pinnedFetch({ pins: [pinOf(text(issued.cert)), backup], ca: authority.pem })
    const answer = await pinned(`${url}/a?b=c`, { method: 'POST', body: 'hello', headers: { 'x-a': 'y' } })
    assert.deepEqual(await answer.json(), { method: 'POST', url: '/a?b=c', x: 'y', body: 'hello' })
    const stream = new Blob(['one', 'two']).stream()
    const streamed = await pinned(url, { method: 'PUT', body: stream, duplex: 'half' } as RequestInit)
    assert.equal(((await streamed.json()) as { body: string }).body, 'onetwo')
    const empty = await pinned(`${url}/empty`, {})
    assert.deepEqual([empty.status, empty.body, empty.headers.getSetCookie()], [204, null, ['a=1', 'b=2']])
    assert.equal((await pinned(url, { method: 'HEAD' })).body, null)
  })

  test('follows no redirect, and takes none where none is wanted', async () => {
    const url = await serve(files(issued))
    const pinned = pinnedFetch({ pins: [pinOf(text(issued.cert)), backup], ca: authority.pem })
    assert.equal((await pinned(`${url}/redirect`, {})).status, 302)
    await assert.rejects(pinned(`${url}/redirect`, { redirect: 'error' }), TypeError)
  })

  test('ends with its signal', async () => {
    const url = await serve(files(issued))
    const pinned = pinnedFetch({ pins: [pinOf(text(issued.cert)), backup], ca: authority.pem })
    await assert.rejects(pinned(url, { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })

  test('takes a key of the chain above the server’s own, in either spelling', async () => {
    const url = await serve({ ...files(issued), cert: text(issued.cert) + authority.pem })
    const base64 = Buffer.from(pinOf(authority.pem).slice(7), 'hex').toString('base64')
    for (const pin of [pinOf(authority.pem), `sha256/${base64}`]) {
      const answer = await pinnedFetch({ pins: [pin, backup], ca: authority.pem })(url)
      assert.equal(answer.status, 200)
    }
  })

  test('refuses a server with another key, however good its certificate', async () => {
    const url = await serve(files(authority.issue()))
    const pins = [pinOf(text(issued.cert)), backup]
    assert.equal(await codeOf(pinnedFetch({ pins, ca: authority.pem })(url, {})), 'pin_mismatch')
  })

  test('refuses a pinned certificate that is merely sent along', async () => {
    // Both authorities have the same name: only the signature tells whose the server's certificate is.
    const leaf = evil.issue({ names: 'IP:127.0.0.1\nauthorityKeyIdentifier=none' })
    const url = await serve({ key: text(leaf.key), cert: text(leaf.cert) + authority.pem })
    const pins = [pinOf(authority.pem), backup]
    assert.equal(await codeOf(pinnedFetch({ pins, ca: evil.pem })(url, {})), 'pin_mismatch')
  })

  test('leaves the other checks on: host name, authority, dates, version', async () => {
    const other = authority.issue({ names: 'DNS:other.test' })
    const over = authority.issue({ days: 0 })
    const pins = [issued, other, over].map(({ cert }) => pinOf(text(cert)))
    const pinned = pinnedFetch({ pins, ca: authority.pem })
    assert.equal(await codeOf(pinned(await serve(files(other)), {})), 'ERR_TLS_CERT_ALTNAME_INVALID')
    assert.equal(await codeOf(pinned(await serve(files(over)), {})), 'CERT_HAS_EXPIRED')
    const url = await serve(files(issued))
    assert.equal(await codeOf(pinnedFetch({ pins })(url, {})), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    const old = await serve({ ...files(issued), maxVersion: 'TLSv1.2' })
    assert.equal(await codeOf(pinned(old, {})), 'EPROTO')
    assert.equal(await codeOf(pinnedFetch({ pins, ca: authority.pem, minVersion: 'TLSv1.2' })(old, {})), undefined)
  })

  test('is not switched off by the environment', async () => {
    const url = await serve(files(issued))
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      const pinned = pinnedFetch({ pins: [pinOf(text(issued.cert)), backup] })
      assert.equal(await codeOf(pinned(url, {})), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })

  test('checks again for a connection of its own, and sends nothing before', async () => {
    let requests = 0
    const server = createServer(files(authority.issue()), (_, response) => {
      requests += 1
      response.end()
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const agent = pinnedAgent({ pins: [pinOf(text(issued.cert)), backup], ca: authority.pem })
    const { port } = server.address() as AddressInfo
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const code = await new Promise((resolve) => {
        request({ host: '127.0.0.1', port, agent }, () => resolve(undefined))
          .on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
          .end()
      })
      assert.equal(code, 'pin_mismatch')
    }
    assert.equal(requests, 0)
  })

  test('goes nowhere in clear', async () => {
    const pinned = pinnedFetch({ pins: [backup, pinOf(authority.pem)] })
    assert.equal(await codeOf(pinned('http://127.0.0.1:1/', {})), 'pins_invalid')
  })

  test('wants two different pins that can be read', () => {
    const base64 = `sha256/${Buffer.alloc(32).toString('base64')}`
    for (const pins of [[], [backup], [backup, backup], [backup, base64], [backup, 'sha256:x'], [backup, 'sha1/x']]) {
      assert.throws(() => pinnedFetch({ pins }), { code: 'pins_invalid' }, pins.join())
    }
  })
})
