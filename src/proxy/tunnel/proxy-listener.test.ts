import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createSecureContext, type SecureContext } from 'node:tls'
import { closed } from '../../../test/instruments/wait.ts'
import { createProxyListener, type ProxyListenerOptions } from './proxy-listener.ts'

const server = createServer()
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => void server.close())

/** Both ends of a connection. */
async function ends(): Promise<{ client: Socket; ours: Socket }> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
  const [ours] = (await once(server, 'connection')) as [Socket]
  return { client, ours }
}

/** A listener whose certificates are made when the test says so. */
function listener() {
  const made = Promise.withResolvers<SecureContext>()
  const principal = { kind: 'agent', agent: { id: 'agt_1' }, token: { id: 'tok_1', kind: 'ak', expiresAt: 3_600_000 } }
  const options = {
    carry: { authenticate: () => principal, nextRid: () => 'call_1' },
    now: () => 0,
    admit: () => {},
    clientOf: () => ({ address: '127.0.0.1' }),
    contextFor: () => made.promise,
    mustBeSecure: () => {},
    onBug: (error: unknown) => assert.fail(String(error)),
  } as unknown as ProxyListenerOptions
  return { made, proxy: createProxyListener(options) }
}

const asked = { url: 'api.example.com:443', rawHeaders: ['Proxy-Authorization', 'Bearer clv_x'] } as IncomingMessage

describe('a tunnel', () => {
  test('whose client leaves while its certificate is made keeps no room', async () => {
    const { made, proxy } = listener()
    const { client, ours } = await ends()
    proxy.connect(asked, ours, Buffer.alloc(0), 'call_1')
    assert.equal(proxy.tunnels.count, 1)
    client.resetAndDestroy()
    await closed(ours.resume())
    made.resolve(createSecureContext())
    await made.promise
    assert.equal(proxy.tunnels.count, 0)
  })

  test('is cut with its token while its certificate is made', async () => {
    const { made, proxy } = listener()
    const { client, ours } = await ends()
    proxy.connect(asked, ours, Buffer.alloc(0), 'call_1')
    proxy.tunnels.look(() => false)
    await Promise.all([closed(ours), closed(client.resume())])
    made.resolve(createSecureContext())
    assert.equal(proxy.tunnels.count, 0)
  })

  test('counts before its certificate is made: nobody has more made than there may be tunnels', async () => {
    const { proxy } = listener()
    const open: Awaited<ReturnType<typeof ends>>[] = []
    while (open.length < 513) open.push(await ends())
    const answered = once((open.at(-1) as { client: Socket }).client, 'data')
    for (const { ours } of open) proxy.connect(asked, ours, Buffer.alloc(0), 'call_1')
    const [answer] = (await answered) as [Buffer]
    assert.match(answer.toString(), /too_many_tunnels/)
    assert.equal(proxy.tunnels.count, 512)
    for (const { client, ours } of open) {
      client.destroy()
      ours.destroy()
    }
  })
})
