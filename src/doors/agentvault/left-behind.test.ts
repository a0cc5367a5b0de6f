import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestGrants } from '../../grants/grants.support.ts'
import type { ServiceId } from '../../ground/ids.ts'
import { servicesMigrations } from '../../services/schema.ts'
import type { ServiceRecord } from './contract.ts'
import { tidyUp } from './left-behind.ts'
import { agentVaultMigrations } from './schema.ts'
import { putGrant, putService } from './store.ts'
import { VaultBook } from './vault-book.ts'

test('a service that is gone leaves nothing at the next start; one that is only not believed stays', async () => {
  const room = await new TestGrants([...servicesMigrations, ...agentVaultMigrations]).start()
  const definition = {
    baseUrl: 'https://a.example',
    allowedAgents: [],
    allowedActions: [],
    allowedScopes: [],
    endpoints: {},
  }
  const record = (name: string): ServiceRecord => {
    return { id: `srv_${name}` as ServiceId, name, definition, createdAt: 1, updatedAt: 1 }
  }
  await room.storage.write(async (tx) => {
    for (const name of ['gone', 'doubted', 'kept']) await putService(tx, record(name))
    for (const id of ['srv_doubted', 'srv_kept']) {
      await tx.put('services', { id, name: id, definition: '{}', created_at: 1, updated_at: 1 })
    }
    await putGrant(tx, { id: 'grt_1' as never, agent: 'agent_a', service: 'srv_gone' as ServiceId, stamp: '1' })
  })
  const book = new VaultBook({
    storage: room.storage,
    services: { byId: (id) => (id === 'srv_kept' ? {} : undefined) },
    vault: { list: () => [] },
    sessions: { all: () => [] },
    openCalls: { kill: () => 0 } as never,
  })
  await book.load()
  assert.equal(await tidyUp({ book, storage: room.storage }), 1)
  const left = await room.storage.load<{ id: string }>('agentvault_services')
  assert.deepEqual(left.rows.map(({ id }) => id).sort(), ['srv_doubted', 'srv_kept'])
  assert.deepEqual((await room.storage.load('agentvault_grants')).rows, [])
  await book.load()
  assert.equal(await tidyUp({ book, storage: room.storage }), 0)
  await room.end()
})
