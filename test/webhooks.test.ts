import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Receiver } from '../src/alerts/alerts.support.ts'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { until } from './instruments/wait.ts'

let gateway: Gateway
let receiver: Receiver
before(async () => {
  ;[gateway, receiver] = await Promise.all([Gateway.start(), Receiver.start()])
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await receiver.close()
})

const claviger = (line: string, code = 0) => asOperator(gateway, line, code)
const json = async (line: string, code = 0) => JSON.parse((await claviger(`${line} --json`, code)).stdout)
const sent = () => receiver.received.map(({ body }) => JSON.parse(body))
const events = () => sent().map(({ event }) => event)

describe('a webhook of a running gateway', () => {
  let hook: { id: string; secret: string }

  test('is made, tested, and told of what changes', async () => {
    hook = await json(`webhook add ${receiver.url} --address 127.0.0.1 --kind clawauth`)
    const shown = await claviger(`webhook test ${hook.id}`)
    assert.match(shown.stdout, /^delivered evt_/)
    const { id: agentId } = await gateway.does<{ id: string }>('POST', '/agents', { name: 'heard-of' })
    await gateway.does('POST', '/agents/heard-of/lock')
    await receiver.got(3)
    assert.deepEqual(events(), ['webhook.test', 'agent.registered', 'agent.status_changed'])
    assert.deepEqual(sent()[1].data, { agentId, name: 'heard-of', status: 'active' })
    assert.deepEqual(sent()[2].data, { agentId, status: 'suspended' })
    for (const { body, headers } of receiver.received) {
      new Webhook(hook.secret).verify(body, headers as Record<string, string>)
      assert.equal(headers['x-clawauth-delivery'], JSON.parse(body).id)
    }
  })

  test('is refused where it must not be sent, and shows its secret once', async () => {
    await claviger(`webhook add ${receiver.url}`, 1)
    await claviger('webhook add https://hooks.example.com/ --event nothing', 1)
    const printed = [await claviger('webhook list'), await claviger(`webhook show ${hook.id}`)]
    printed.push(await claviger('audit tail --type config --json'))
    assert.ok(printed.every(({ stdout }) => stdout.includes(hook.id) && !stdout.includes(hook.secret.slice(6))))
    assert.ok(!gateway.output().includes(hook.secret.slice(6)))
  })

  test('hears that the vault was sealed once it is open again', async () => {
    const count = receiver.received.length
    await gateway.does('POST', '/seal')
    assert.equal(receiver.received.length, count)
    await gateway.does('POST', '/unseal', { keyFile: true })
    await receiver.got(count + 1)
    assert.deepEqual([events().at(-1), sent().at(-1).data], ['vault.sealed', { reason: 'operator' }])
  })

  test('gets what was on its way when the gateway was killed, under the same id', async () => {
    const count = receiver.received.length
    receiver.answer = () => {} // it came, and nobody knows
    await gateway.does('POST', '/agents', { name: 'while-dying' })
    await receiver.got(count + 1)
    await gateway.kill9()
    receiver.answer = (_request, response) => void response.writeHead(200).end()
    await gateway.restart()
    await receiver.got(count + 2)
    const [first, second] = sent().slice(count)
    assert.deepEqual([first.data.name, second.data.name, second.id], ['while-dying', 'while-dying', first.id])
    await until(async () => (await json(`webhook show ${hook.id}`)).pending === 0)
  })

  test('that fails is spoken of by status and doctor, until something gets through again', async () => {
    const doctor = async () => {
      const { items } = await json('doctor')
      return items.find(({ about }: { about: string }) => about === 'webhooks')
    }
    assert.equal((await doctor()).state, 'ok')
    assert.equal((await json('status')).webhooks.failing, 0)
    receiver.answer = (_request, response) => void response.writeHead(500).end()
    const count = receiver.received.length
    await gateway.does('POST', '/agents', { name: 'unheard-of' })
    await receiver.got(count + 1)
    await until(async () => (await json('status')).webhooks.failing === 1)
    const { webhooks } = await json('status')
    assert.deepEqual(
      { ...webhooks, failingSince: 0 },
      { count: 1, pending: 1, deadLetters: 0, failing: 1, failingSince: 0 },
    )
    const since = new Date(webhooks.failingSince).toISOString()
    const { state, says } = await doctor()
    assert.deepEqual([state, says], ['note', `1 of 1 fail, since ${since}`])
    assert.match((await claviger('status')).stdout, new RegExp(`^webhooks\\.failingSince +${since}$`, 'm'))
    receiver.answer = (_request, response) => void response.writeHead(200).end()
    await gateway.does('POST', '/agents', { name: 'heard-again' })
    await until(async () => (await json('status')).webhooks.failing === 0)
  })

  test('is rotated, switched off and on, and removed', async () => {
    const { secret } = await json(`webhook rotate ${hook.id} --no-overlap`)
    assert.notEqual(secret, hook.secret)
    const { previousSecretUntil } = await json(`webhook rotate ${hook.id} --overlap 1h`)
    assert.ok(previousSecretUntil > Date.now())
    assert.equal((await claviger(`webhook disable ${hook.id}`)).stdout.trim(), `${hook.id} is disabled`)
    assert.equal((await claviger(`webhook enable ${hook.id}`)).stdout.trim(), `${hook.id} is active`)
    assert.equal((await claviger('webhook dead-letters')).stdout.trim(), 'no dead letters')
    await claviger('webhook replay dlv_none', 1)
    receiver.answer = (_request, response) => void response.writeHead(302, { location: receiver.url }).end()
    assert.match((await claviger(`webhook test ${hook.id}`, 1)).stdout, /status_302/)
    await claviger(`webhook remove ${hook.id}`)
    assert.equal((await claviger('webhook list')).stdout.trim(), 'no webhooks')
  })
})
