import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { addressSpellings } from '../../test/generators/addresses.ts'
import { addressSet } from '../ground/addresses.ts'
import { type Origin, parseOrigin } from '../ground/origin.ts'
import { createOutbound, type OutboundKind } from './outbound.ts'
import { createResolver } from './resolve.ts'

const kinds: readonly OutboundKind[] = ['token', 'keys', 'metadata', 'webhook', 'push', 'messenger', 'feed']
const loopback = addressSet(['127.0.0.0/8'])
const hosts = { addresses: async () => [] }

async function withServer(listener: RequestListener, work: (href: string, pinned: Origin[]) => Promise<void>) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const href = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    await work(href, [parseOrigin(href, { anyPort: true })])
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe('createOutbound()', () => {
  const outbound = createOutbound({ resolver: createResolver() })

  test('makes a call and gives back what came, redirects too', async () => {
    await withServer(
      (request, response) => {
        response.writeHead(302, { location: 'https://evil.test/', 'content-encoding': 'gzip' })
        request.pipe(response)
      },
      async (href, pinned) => {
        const answer = await outbound({
          kind: 'webhook',
          url: `${href}/hook?a=1`,
          pinned,
          allowed: loopback,
          method: 'POST',
          headers: { 'content-type': 'text/plain' },
          body: 'hello',
        })
        assert.deepEqual(
          [answer.status, answer.headers.location, answer.body.toString()],
          [302, 'https://evil.test/', 'hello'],
        )
      },
    )
  })

  test('never dials an inside address, whatever the kind and the spelling', async () => {
    const dials: string[] = []
    const ask = async () => ({ addresses: ['169.254.169.254'], ttl: 1 })
    const guarded = createOutbound({
      resolver: createResolver({ ask, hosts }),
      onDial: (address) => dials.push(address),
    })
    const places = [
      ...addressSpellings().map(({ host }) => host),
      'metadata.google.internal',
      'inside.example.com',
      'localhost',
    ]
    for (const [i, host] of places.entries()) {
      const pinned = tryOrigin(`https://${host}`)
      const kind = kinds[i % kinds.length]!
      await assert.rejects(
        guarded({ kind, url: `https://${host}/x`, pinned }),
        (error: { code?: string }) => ['outbound_origin_refused', 'address_refused'].includes(error.code ?? ''),
        host,
      )
    }
    assert.ok(places.length > 100)
    assert.deepEqual(dials, [])
  })

  test('calls only what is pinned', async () => {
    const pinned = [
      parseOrigin('https://api.example.com'),
      parseOrigin('https://*.push.example.com', { wildcard: true }),
    ]
    for (const url of [
      'https://evil.test/',
      'http://api.example.com/',
      'https://api.example.com:8443/',
      'https://a.b.push.example.com/',
      'https://api.example.com@evil.test/',
      'https://api.example.com\\@evil.test/',
      'ftp://api.example.com/',
      'https://api.example.com/ x',
      'https://api.example.com#x',
      '//api.example.com/',
    ]) {
      await assert.rejects(outbound({ kind: 'push', url, pinned }), { code: 'outbound_origin_refused' }, url)
    }
  })

  test('is bounded in size and in time, and can be called off', async () => {
    const listener: RequestListener = (request, response) => {
      if (request.url === '/big') response.end(Buffer.alloc(2_000))
      else if (request.url === '/drip') response.write('.')
    }
    await withServer(listener, async (href, pinned) => {
      const small = createOutbound({ resolver: createResolver(), bounds: { maxBytes: 1_000 } })
      const bounded = createOutbound({ resolver: createResolver(), bounds: { totalMs: 200 } })
      const call = { kind: 'feed', pinned, allowed: loopback } as const
      await assert.rejects(small({ ...call, url: `${href}/big` }), { code: 'outbound_too_large' })
      await assert.rejects(bounded({ ...call, url: `${href}/drip` }), { code: 'outbound_timeout' })
      await assert.rejects(bounded({ ...call, url: `${href}/never` }), { code: 'outbound_timeout' })
      await assert.rejects(outbound({ ...call, url: `${href}/never`, signal: AbortSignal.timeout(50) }), {
        code: 'outbound_failed',
      })
      await assert.rejects(outbound({ ...call, url: `${href}/never`, signal: AbortSignal.abort() }), {
        code: 'outbound_failed',
      })
    })
  })

  test('fails as a problem when nobody listens', async () => {
    let gone = ''
    await withServer(
      () => undefined,
      async (href) => {
        gone = href
      },
    )
    const pinned = [parseOrigin(gone, { anyPort: true })]
    await assert.rejects(outbound({ kind: 'keys', url: gone, pinned, allowed: loopback }), {
      code: 'outbound_failed',
      status: 502,
    })
  })
})

function tryOrigin(text: string): Origin[] {
  try {
    return [parseOrigin(text, { anyPort: true })]
  } catch {
    return []
  }
}
