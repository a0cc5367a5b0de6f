// A rule that asks about LLM calls: one yes that covers many, in the contract's words.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { BotMakerWorld, json } from './instruments/botmaker-world.ts'
import type { Reply } from './instruments/send.ts'

let world: BotMakerWorld
before(async () => {
  world = await BotMakerWorld.start({ env: { CLAVIGER_LIMIT_PEOPLE: 'off' } })
  world.answers('v1', (request, response) => void request.on('end', () => json(response, 200, { ok: true })))
  await world.key('openai', 'sk-one-0123456789abcdef')
  await world.key('openai', 'sk-two-0123456789abcdef')
})
after(() => world[Symbol.asyncDispose]())

interface Detail {
  readonly digest: string
  readonly window?: { readonly digest: string }
}

const approvalIn = (reply: Reply): string => {
  assert.equal(reply.status, 403, reply.text())
  const [, id = ''] = /^Approval required: (apr_\w+)$/.exec((reply.json() as { error: string }).error) ?? []
  return id
}

test('a call waits for a yes, and one yes to a window lets as many through as were shown, whichever keys there are', async () => {
  const { gateway } = world
  await gateway.does('POST', '/rules', {
    name: 'ask-for-models',
    effect: 'ask',
    match: { services: ['openai'], methods: ['POST'] },
    ask: { assurance: 'tap', window: { maxSeconds: 3_600, maxUses: 3 } },
  })
  const token = await world.bot('asker')
  const id = approvalIn(await world.chat(token, { n: 1 }))
  assert.equal(approvalIn(await world.chat(token, { n: 1 })), id, 'the same call is the same question')
  assert.equal(world.upstream.receipts.length, 0)
  const { window } = await gateway.does<Detail>('GET', `/approvals/${id}`)
  await gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest: window!.digest })
  // The one that was asked about, and three more.
  for (const n of [1, 2, 3, 4]) assert.equal((await world.chat(token, { n })).status, 200, `call ${n}`)
  assert.notEqual(approvalIn(await world.chat(token, { n: 5 })), id)
  assert.equal(world.upstream.receipts.length, 4)
})

test('a no is a no', async () => {
  const { gateway } = world
  const token = await world.bot('denied')
  const id = approvalIn(await world.chat(token))
  const { digest } = await gateway.does<Detail>('GET', `/approvals/${id}`)
  await gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'denied', digest })
  assert.equal((await world.chat(token)).status, 403)
  const { items } = await gateway.does<{ items: object[] }>('GET', '/approvals?status=pending')
  assert.equal(items.length, 1, 'of the other bot alone')
})
