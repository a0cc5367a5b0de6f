// What the hands at the vault's door cannot do: move what others sealed, fill the database, leave words in the log, or leave
// rows behind.
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import {
  ADMIN_TOKEN,
  asAdmin,
  call,
  done,
  mirror,
  refusedWith,
  rpc,
  serviceForm,
  VaultAgent,
  vaultEnv,
} from './instruments/vault-client.ts'
import { until } from './instruments/wait.ts'

const SECRET = 'sk-live-0123456789abcdef'
const THEIRS = 'sk-operator-0123456789abcdef'
let gateway: Gateway
let upstream: RecordingUpstream
let elsewhere: RecordingUpstream
let tony: VaultAgent
before(async () => {
  upstream = await RecordingUpstream.start()
  elsewhere = await RecordingUpstream.start()
  for (const one of [upstream, elsewhere]) one.on('v', mirror)
  gateway = await Gateway.start({ env: vaultEnv })
  tony = await VaultAgent.add(gateway, 'tony')
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), elsewhere.close()])
})

const add = async (service: string, more: object = {}) =>
  done(await asAdmin(gateway, 'addService', serviceForm(service, upstream.origin, { masterSecret: SECRET, ...more })))
const rows = (table: string): Record<string, unknown>[] => {
  using database = new DatabaseSync(`${gateway.home}/claviger.db`, { readOnly: true })
  return database.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[]
}

describe('updateService', () => {
  const moved = (service: string, more: object = {}) =>
    asAdmin(gateway, 'updateService', { service, baseUrl: elsewhere.origin, ...more })
  const sentTo = (place: RecordingUpstream) => place.receipts.at(-1)?.headers.get('authorization')?.[0]

  test('takes its own secret to a new origin', async () => {
    await add('own')
    done(await moved('own'))
    const { token } = await tony.issue('own', ['own:data:read'])
    done(await call(gateway, { token, service: 'own', action: 'data.list' }))
    assert.equal(sentTo(elsewhere), `Bearer ${SECRET}`)
  })

  test('takes nobody else’s credential there, whatever else it changes, and changes nothing then', async () => {
    await add('shared')
    await gateway.does('POST', '/credentials', { handle: 'theirs', service: 'shared', secret: THEIRS })
    await gateway.does('POST', '/grants', {
      agent: 'tony',
      service: 'shared',
      scopes: ['shared:*'],
      credential: 'theirs',
    })
    const before = await gateway.does('GET', '/services/shared')
    for (const more of [{}, { secretRef: 'another_key' }, { secretRef: null }, { allowedAgents: ['tony'] }]) {
      refusedWith(await moved('shared', more), 'BASEURL_HAS_OTHER_CREDENTIALS', 400)
    }
    assert.deepEqual(await gateway.does('GET', '/services/shared'), before)
    done(await asAdmin(gateway, 'updateService', { service: 'shared', authHeader: 'X-Key' }))
    const reply = await gateway.agent('GET', '/to/shared/v/data', {
      headers: { authorization: `Bearer ${tony.credential}` },
    })
    assert.equal(reply.status, 200, reply.text())
    assert.equal(upstream.receipts.at(-1)?.headers.get('x-key')?.[0], THEIRS)
    await gateway.does('DELETE', '/credentials/theirs')
    done(await moved('shared'))
    for (const { headers } of elsewhere.receipts) assert.ok(!JSON.stringify([...headers]).includes(THEIRS))
  })

  test('nor does loadTemplate over a service that is there', async () => {
    done(await asAdmin(gateway, 'loadTemplate', { template: 'stripe', masterSecret: SECRET }))
    await gateway.does('POST', '/credentials', { handle: 'stripe-theirs', service: 'stripe', secret: THEIRS })
    const reply = await asAdmin(gateway, 'loadTemplate', { template: 'stripe', baseUrl: elsewhere.origin })
    refusedWith(reply, 'BASEURL_HAS_OTHER_CREDENTIALS', 400)
  })
})

describe('what an agent revokes', () => {
  test('has an end, and the admin’s, the operator’s and its own end have none', async () => {
    const noisy = await VaultAgent.add(gateway, 'noisy')
    const before = rows('agentvault_revocations').length
    const replies = await Promise.all(
      Array.from({ length: 300 }, (_, n) => noisy.revoke({ sessionId: `made-up-${n}` })),
    )
    const statuses = replies.map(({ status }) => status)
    assert.deepEqual([statuses.filter((one) => one === 200).length, new Set(statuses)], [256, new Set([200, 429])])
    const late = replies.find(({ status }) => status === 429)!
    refusedWith(late, 'RATE_LIMITED', 429)
    assert.ok(Number(late.headers['retry-after']) > 900)
    assert.equal(rows('agentvault_revocations').length, before + 256)
    refusedWith(await noisy.revoke({ taskId: 'one-more' }), 'RATE_LIMITED', 429)
    // What it names again is there already.
    const named = replies.findIndex(({ status }) => status === 200)
    done(await noisy.revoke({ sessionId: `made-up-${named}` }))
    done(await rpc(gateway, '/vault.revoke', { sessionId: 'by-the-admin', taskId: 'too' }, ADMIN_TOKEN))
    await gateway.does('POST', '/agentvault/revocations', { kind: 'session', value: 'by-the-operator' })
    await tony.revoke({ sessionId: 'another-agent' })
    done(await noisy.revoke({ agentId: 'noisy' }))
    assert.equal(rows('agentvault_revocations').length, before + 256 + 5)
  })
})

describe('what a stranger sends', () => {
  const words = 'a-letter-to-nobody'
  const asked = [
    ['/vault.issueToken', { service: 'own', scope: [words], agentId: words }, undefined],
    ['/vault.issueToken', { service: words }, 'clv_ak_nothing'],
    ['/vault.call', { service: words, token: 'eyJ.x.y', action: words, params: { [words]: 1 } }, undefined],
    ['/vault.call', { service: 'own', token: 'x', action: 'data.list', context: { agentId: words } }, undefined],
    ['/vault.admin.addService', { service: words, masterSecret: words }, undefined],
    ['/vault.admin.addSecret', { secretRef: words }, 'guess'],
    ['/vault.admin.updateService', { service: words, [words]: { [words]: [words] } }, 'eyJ.x.y'],
  ] as const
  test('is in no record; that it was refused is', async () => {
    for (const [path, body, token] of asked) {
      const { status } = await rpc(gateway, path, body, token)
      assert.ok(status === 403 || status === 400, path)
    }
    refusedWith(await tony.ask({ service: words }), 'UNKNOWN_SERVICE')
    const all = async () =>
      done<{ event: string; error?: string; body?: object }[]>(
        await rpc(gateway, '/vault.audit.query', { limit: 1_000 }, ADMIN_TOKEN),
      )
    let found: Awaited<ReturnType<typeof all>> = []
    await until(async () => {
      found = (await all()).filter(({ event }) => event.endsWith('.denied'))
      return found.some(({ body }) => JSON.stringify(body).includes(words)) && found.length >= asked.length + 1
    })
    const strangers = found.filter(({ error }) => ['AGENT_UNAUTHORIZED', 'ADMIN_UNAUTHORIZED'].includes(error ?? ''))
    assert.deepEqual([strangers.length, strangers.filter(({ body }) => Object.keys(body ?? {}).length > 0)], [5, []])
    // Tony's own refusal keeps its body.
    assert.equal(found.filter((row) => JSON.stringify(row).includes(words)).length, 1)
  })
})

describe('what operators take away', () => {
  test('goes at the door too: a service, a secret, an agent', async () => {
    await add('gone', { allowedAgents: ['tony', 'leaver'] })
    const leaver = await VaultAgent.add(gateway, 'leaver')
    const { token } = await tony.issue('gone', ['gone:data:read'])
    await leaver.issue('gone', ['gone:data:read'])
    done(await leaver.revoke({ sessionId: 'words of leaver' }))
    const { id } = await gateway.does<{ id: string }>('GET', '/services/gone')
    const ofService = (table: string) => rows(table).filter((row) => [row.id, row.service].includes(id)).length
    const ofLeaver = (table: string) => rows(table).filter(({ agent }) => agent === leaver.id).length
    assert.deepEqual([ofService('agentvault_services'), ofService('agentvault_grants')], [1, 2])
    assert.deepEqual([ofLeaver('agentvault_grants'), ofLeaver('agentvault_revocations')], [1, 1])

    await gateway.does('POST', '/agents/leaver/revoke')
    await gateway.does('POST', '/agents/leaver/erase')
    assert.deepEqual([ofLeaver('agentvault_grants'), ofLeaver('agentvault_revocations')], [0, 0])

    await gateway.does('DELETE', '/credentials/gone_key')
    assert.equal(ofService('agentvault_grants'), 0)
    const body = { token, service: 'gone', action: 'data.list' }
    refusedWith(await call(gateway, body), 'MISSING_MASTER_SECRET:gone_key')
    done(await asAdmin(gateway, 'addSecret', { secretRef: 'gone_key', secret: SECRET }))
    done(await call(gateway, body))

    const removed = await gateway.does('DELETE', '/services/gone')
    assert.deepEqual([removed.grants, removed.credentials], [1, 1])
    assert.deepEqual([ofService('agentvault_services'), ofService('agentvault_grants')], [0, 0])
    refusedWith(await call(gateway, body), 'UNKNOWN_SERVICE')
    await gateway.restart()
    refusedWith(await call(gateway, body), 'UNKNOWN_SERVICE')
    await add('gone')
    refusedWith(await call(gateway, body), 'TOKEN_REVOKED')
    const again = await tony.issue('gone', ['gone:data:read'])
    done(await call(gateway, { ...body, token: again.token }))
  })
})
