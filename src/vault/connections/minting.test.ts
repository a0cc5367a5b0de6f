import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { operator } from '../vault.support.ts'
import type { Vault } from '../vault.ts'
import { type ConnectionRoom, connectionRoom } from './connections.support.ts'
import type { ConnectionInput } from './contract.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = (type: 'pkcs1' | 'pkcs8') => privateKey.export({ format: 'pem', type }) as string
const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' })

describe('minting', () => {
  let room: ConnectionRoom
  let vault: Vault
  let kinds: Record<string, () => ConnectionInput>

  before(async () => {
    room = await connectionRoom()
    const { endpoint } = room
    vault = (await room.open()).vault
    endpoint.keys.set('robot@project.example', publicKey.export({ format: 'pem', type: 'spki' }) as string)
    endpoint.keys.set('Iv23abc', publicKey.export({ format: 'pem', type: 'spki' }) as string)
    kinds = {
      'client credentials': () => ({
        kind: 'client_credentials',
        tokenUrl: endpoint.url,
        clientId: 'client-1',
        clientSecret: 'client-secret-of-the-test',
        scopes: ['read', 'write'],
      }),
      'a service account': () => ({
        kind: 'google_service_account',
        tokenUrl: endpoint.url,
        clientEmail: 'robot@project.example',
        privateKey: pem('pkcs8'),
        privateKeyId: 'key-1',
        scopes: 'https://www.googleapis.com/auth/drive',
      }),
      'a GitHub App': () => ({
        kind: 'github_app',
        appId: 'Iv23abc',
        installationId: '12345',
        privateKey: pem('pkcs1'),
        apiUrl: endpoint.origin,
        repositories: ['one'],
        permissions: { contents: 'read' },
      }),
    }
  })
  after(() => room[Symbol.asyncDispose]())
  beforeEach(async () => {
    room.endpoint.requests.length = 0
    if (vault.find('account') !== undefined) await vault.remove('account', operator)
  })

  for (const name of ['client credentials', 'a service account', 'a GitHub App']) {
    test(`by ${name} waits for a permit, is good for its life, and then happens again`, async () => {
      const view = await room.connect(vault, (kinds[name] as () => ConnectionInput)())
      assert.deepEqual([view.status, vault.stateOf(view.id).facts], ['active', 'usable'])
      assert.throws(() => vault.open(room.permitFor(view.id)), { code: 'credential_refresh_failed' })
      assert.equal(room.endpoint.requests.length, 0)
      const first = (await room.use(vault))?.value.reveal().toString() ?? ''
      assert.ok(room.endpoint.knows(first))
      assert.equal((await room.use(vault))?.value.reveal().toString(), first)
      assert.equal(room.endpoint.requests.length, 1)
      room.clock.advance(3_590_000)
      const second = (await room.use(vault))?.value.reveal().toString() ?? ''
      assert.ok(second !== first && room.endpoint.knows(second))
      assert.equal(room.endpoint.requests.length, 2)
    })
  }

  test('says what a token is for', async () => {
    await room.connect(vault, (kinds['client credentials'] as () => ConnectionInput)())
    await room.use(vault)
    assert.equal(room.endpoint.requests[0]?.scope, 'read write')
    await vault.remove('account', operator)
    await room.connect(vault, (kinds['a GitHub App'] as () => ConnectionInput)())
    await room.use(vault)
    const [, github] = room.endpoint.requests
    assert.equal(github?.url, '/app/installations/12345/access_tokens')
    assert.deepEqual(JSON.parse(github?.text ?? ''), { repositories: ['one'], permissions: { contents: 'read' } })
  })

  test('with a key that is not the registered one marks the connection', async () => {
    const connection = {
      ...(kinds['a service account'] as () => ConnectionInput)(),
      privateKey: other,
    } as ConnectionInput
    await room.connect(vault, connection)
    await assert.rejects(room.use(vault), { code: 'credential_needs_reauth' })
    assert.equal(vault.find('account')?.connection?.needsReauth, 'invalid_grant')
  })

  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' })
  for (const [what, privateKey] of [
    ['no key', `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(64)}\n-----END PRIVATE KEY-----\n`],
    ['a key of another kind', key as string],
  ] as const) {
    test(`is refused with ${what} when it is registered`, async () => {
      const connection = { ...(kinds['a GitHub App'] as () => ConnectionInput)(), privateKey } as ConnectionInput
      await assert.rejects(room.connect(vault, connection), { code: 'connection_invalid' })
    })
  }

  test('at a place that the service does not have is refused', async () => {
    const elsewhere = { ...(kinds['a GitHub App'] as () => ConnectionInput)(), apiUrl: 'https://api.github.com' }
    await assert.rejects(room.connect(vault, elsewhere as ConnectionInput), { code: 'token_url_refused' })
  })
})
