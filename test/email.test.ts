// Told by mail of what waits. The mail server is somebody else's (npm `smtp-server`).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import type { Gateway } from './instruments/gateway.ts'
import { heldPort } from './instruments/held-port.ts'
import { MailServer, type Received } from './instruments/mail-server.ts'
import { assertClean } from './instruments/taint-oracle.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

const PASSWORD = 'a-password-of-the-mail-account'
const kept = { user: 'claviger', password: PASSWORD }
const actions = { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap', risk: 'low' } }
const asking = () =>
  world({ service: { actions }, env: { CLAVIGER_PUBLIC_URL: 'https://claviger.example.com', MAIL_PASSWORD: PASSWORD } })
const ask = (around: World, id: number, wait = 0) =>
  around.call(`/pay/${id}`, { method: 'POST', headers: { prefer: `wait=${wait}` }, body: '{"card":"4111"}' })
const input = (server: MailServer) => ({
  ...{ kind: 'email', host: '127.0.0.1', port: server.port, from: 'claviger@example.com' },
  ...kept,
})

async function mailAt(server: MailServer, at: number): Promise<Received> {
  await until(() => server.received.length > at)
  return server.received[at] as Received
}

async function added(gateway: Gateway, server: MailServer, user = 'ann@example.com'): Promise<void> {
  await gateway.does('POST', '/channels', input(server))
  await gateway.does('POST', '/channels/email/people', { user })
}

describe('an e-mail channel', () => {
  test('sends a link, two names, and nothing of what is asked', async () => {
    await using server = await MailServer.start({ account: kept })
    await using around = await asking()
    around.oracle.canary('mail password', PASSWORD)
    await added(around.gateway, server)
    await ask(around, 7)
    const { to, text, user } = await mailAt(server, 0)
    assert.deepEqual([to, user], [['ann@example.com'], 'claviger'])
    const { items } = await around.gateway.does<{ items: { id: string; digest: string }[] }>('GET', '/approvals')
    const [one] = items as [{ id: string; digest: string }]
    assert.ok(text.includes(`https://claviger.example.com/approvals/${one.id}\r\n`), text)
    assert.ok(text.includes('"agent-of-u"') && text.includes('"u"'), text)
    for (const fact of ['/pay', 'POST', '4111', one.digest]) assert.ok(!text.includes(fact), fact)
    assertClean(await around.oracle.search(Buffer.from(text), 'mail'))
    await around.gateway.does('POST', `/approvals/${one.id}/verdict`, { verdict: 'approved', digest: one.digest })
    assert.equal((await ask(around, 7, 60)).status, 200)
    assert.equal(server.received.length, 1, 'what became of it is told to nobody by mail')
  })

  test('is tried again where its server is away, and a restart changes nothing', async () => {
    await using around = await asking()
    using held = await heldPort()
    const { port } = held
    const gone = await MailServer.start({ account: kept, port })
    await added(around.gateway, gone)
    await gone[Symbol.asyncDispose]()
    await ask(around, 8)
    await until(async () => {
      const { items } = await around.gateway.does<{ items: { failingSince?: string }[] }>('GET', '/channels')
      return items[0]?.failingSince !== undefined
    })
    assert.match((await asOperator(around.gateway, 'channel list')).stdout, /channel_unreachable/)
    await using server = await MailServer.start({ account: kept, port })
    await around.gateway.restart()
    assert.deepEqual((await mailAt(server, 0)).to, ['ann@example.com'])
  })

  test('is seen to work before it is kept, and speaks to nobody beyond this machine in clear', async () => {
    await using server = await MailServer.start({ account: kept })
    await using around = await asking()
    const { gateway } = around
    const channel = async (more: object) =>
      (await gateway.operator('POST', '/channels', { ...input(server), ...more })).code
    assert.equal(await channel({ password: 'another' }), 'channel_refused')
    assert.equal(await channel({ tls: 'starttls' }), 'channel_refused')
    assert.equal(await channel({ tls: 'off', host: '10.0.0.25' }), 'request_invalid')
    assert.equal(await channel({ from: 'a@example.com\r\nBcc: b@example.com' }), 'request_invalid')
    await added(gateway, server)
    const person = async (user: string) => (await gateway.operator('POST', '/channels/email/people', { user })).code
    assert.equal(await person('ann@example.com, evil@evil.test'), 'request_invalid')
    assert.equal(await person('77'), 'channel_kind_other')
    const { items } = await gateway.does<{ items: object[] }>('GET', '/channels')
    assert.equal(items.length, 1)
    assert.ok(!JSON.stringify(items).includes(PASSWORD))
  })

  test('is added on the command line, the password never on it', async () => {
    await using server = await MailServer.start({ account: kept })
    await using around = await asking()
    const { home, operatorToken } = around.gateway
    const { inProcess } = await import('../src/cli/testing/in-process.ts')
    const env = { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken, MAIL_PASSWORD: PASSWORD }
    const account = `--host 127.0.0.1 --mail-port ${server.port} --mail-user claviger --secret-env MAIL_PASSWORD`
    const line = `channel add email ${account} --from claviger@example.com --user ann@example.com`
    const ended = await inProcess(line.split(' '), { env })
    assert.equal(ended.code, 0, ended.stderr)
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes(PASSWORD))
    assert.match((await mailAt(server, 0)).text, /^Subject: .*test/m)
    await asOperator(around.gateway, 'channel pair email --user bob@example.com')
    await asOperator(around.gateway, 'channel test email')
    const people = async () => {
      const { items } = await around.gateway.does<{ items: { people: { user: string }[] }[] }>('GET', '/channels')
      return items.flatMap((channel) => channel.people.map(({ user }) => user))
    }
    const before = await people()
    await asOperator(around.gateway, 'channel unpair email bob@example.com')
    assert.deepEqual(
      await people(),
      before.filter((user) => user !== 'bob@example.com'),
    )
    assert.equal(before.length, (await people()).length + 1)
    const again = await around.gateway.operator('DELETE', '/channels/email/people/bob%40example.com')
    assert.equal(again.code, 'channel_person_unknown')
    await asOperator(around.gateway, 'channel remove email')
  })
})
