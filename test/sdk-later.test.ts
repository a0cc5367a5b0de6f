// The SDK at a real gateway: a call is left with it, sent once after a human's yes, and its answer fetched, by whoever has the id.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AgentClient } from '../sdk/src/agent/agent-client.ts'
import { TokenClient } from '../sdk/src/agent/token-client.ts'
import { generateKeyPair } from '../sdk/src/keys.ts'
import { webCryptoSigner } from '../sdk/src/signer.ts'
import { asOperator } from './instruments/command-line.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const service = { actions: { pay: { method: 'POST', path: '/{kind}/{id}', ask: 'tap' } } }
let around: World
before(async () => {
  around = await world({ service })
  around.upstream.on('most', (_, response) => response.end(Buffer.alloc(1024 * 1024, 'a')))
  around.upstream.on('gone', (request) => request.socket.destroy())
  around.upstream.on('none', (_, response) => response.writeHead(204, { 'x-made': 'yes' }).end())
})
after(() => around[Symbol.asyncDispose]())

const clientOf = ({ gateway, token }: World) => new TokenClient({ baseUrl: gateway.url, token })
const answered = (id = '', word = 'approve') => asOperator(around.gateway, `${word} ${id}`)
const pay = (path: string) => ({ method: 'POST', path, body: { amount: 4200 } })

describe('a call that the SDK leaves with the gateway', () => {
  test('is sent once after the yes, and its answer comes to whoever waits and to whoever comes with the id', async () => {
    const client = clientOf(around)
    const { approvalId, answer } = await client.callLater('u', { ...pay('/headers/7'), idempotencyKey: 'order-7' })
    const again = await client.callLater('u', { ...pay('/headers/7'), idempotencyKey: 'order-7' })
    assert.equal(again.approvalId, approvalId)
    const waiting = answer()
    await answered(approvalId)
    const [first, second] = await Promise.all([waiting, clientOf(around).answerTo(approvalId ?? '')])
    assert.deepEqual([first.status, second.status], [200, 200])
    const text = await first.text()
    assert.match(text, /authorization/i)
    assert.ok(!text.includes(around.secret), 'scrubbed like every answer')
    assert.equal(await second.text(), text)
    assert.equal(around.upstream.received('/headers/7').length, 1)
  })

  for (const [path, status, length] of [
    ['/most/1', 200, 1024 * 1024],
    ['/none/1', 204, 0],
    ['/status/404', 404, undefined],
  ] as const) {
    test(`gives the answer of ${path} as the service gave it`, async () => {
      const { approvalId, answer } = await clientOf(around).callLater('u', pay(path))
      await answered(approvalId)
      const given = await answer()
      assert.equal(given.status, status)
      if (length !== undefined) assert.equal((await given.bytes()).length, length)
    })
  }

  test('is answered at once where nobody has to be asked', async () => {
    const { approvalId, answer } = await clientOf(around).callLater('u', { path: '/ok' })
    assert.deepEqual([approvalId, (await answer()).status], [undefined, 200])
  })

  test('throws what became of it: nobody was reached, it was taken back, somebody said no', async () => {
    const client = clientOf(around)
    const broken = await client.callLater('u', pay('/gone/1'))
    await answered(broken.approvalId)
    await assert.rejects(broken.answer(), (error: unknown) => {
      const { code, facts } = error as { code: string; facts: object }
      assert.deepEqual(
        [code, facts],
        ['answer_none', { became: 'consumed', sending: 'failed', reason: 'upstream_broke' }],
      )
      return true
    })
    const taken = await client.callLater('u', pay('/ok/2'))
    const waiting = assert.rejects(taken.answer(), { code: 'approval_not_given', approvalId: taken.approvalId })
    await client.cancelApproval(taken.approvalId ?? '')
    await waiting
    const { approvalId, answer } = await client.callLater('u', pay('/ok/3'))
    await answered(approvalId, 'deny')
    await assert.rejects(answer(), { code: 'approval_denied', approvalId })
    await assert.rejects(client.callLater('u', pay('/ok/3')), { code: 'approval_denied' })
    assert.equal(around.upstream.received('/ok/2').length + around.upstream.received('/ok/3').length, 0)
  })

  test('is not taken from an agent whose tokens cannot be looked at again later', async () => {
    const { gateway } = around
    const signer = await webCryptoSigner(await generateKeyPair())
    const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/invite', {})
    const at = { baseUrl: gateway.url, signer }
    const { agentId } = await AgentClient.register({ ...at, name: 'signs', invite })
    await gateway.does('POST', '/grants', { agent: agentId, service: 'u', scopes: ['u:*'] })
    await assert.rejects(new AgentClient({ ...at, agentId }).callLater('u', pay('/ok/4')), { code: 'async_refused' })
  })
})

test('answerTo() outlives a kill of the gateway', async () => {
  await using own = await world({ service })
  const { gateway, token, upstream } = own
  const first = gateway.url
  let failed = 0
  const client = new TokenClient({
    baseUrl: first,
    token,
    fetch: (url, init) =>
      // Whatever port it answers at after the restart.
      fetch(url.replace(first, gateway.url), init).catch((error: unknown) => {
        failed += 1
        throw error
      }),
  })
  const { approvalId, answer } = await client.callLater('u', pay('/ok/1'))
  const waiting = answer()
  await gateway.kill9()
  await until(() => failed > 0)
  await gateway.restart()
  await asOperator(gateway, `approve ${approvalId}`)
  assert.equal((await waiting).status, 200)
  assert.equal(upstream.received('/ok/1').length, 1)
})
