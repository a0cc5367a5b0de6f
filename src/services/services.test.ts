import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { canonicalJson } from '../ground/canonical-json.ts'
import { SetClock } from '../ground/clock.ts'
import { canonicalTarget } from '../ground/target.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Change, Storage } from '../storage/storage.ts'
import type { ServiceInput } from './contract.ts'
import { servicesMigrations } from './schema.ts'
import { by } from './services.support.ts'
import { createServices, type Services } from './services.ts'

const api: ServiceInput = { name: 'api', origins: ['https://api.example.com'], injection: { kind: 'bearer' } }

describe('the services room', () => {
  const clock = new SetClock()
  const database: TestDatabase = testDatabase(servicesMigrations, clock)
  let storage: Storage
  let services: Services
  let changes: Change[]

  async function start(...edits: string[]): Promise<{ bad: readonly string[] }> {
    await storage?.close()
    for (const edit of edits) database.edit(edit)
    storage = await database.open()
    services = createServices({ storage, clock })
    changes = []
    storage.follow((change) => changes.push(change))
    return services.load()
  }

  before(() => start())
  after(async () => {
    await storage.close()
    database.remove()
  })

  test('keeps what it was told, over a restart', async () => {
    const { id, view } = await services.add(
      { ...api, actions: { get: { method: 'GET', path: '/x/{y}', scopes: ['api:x:read'], query: { a: ['1', '2'] } } } },
      by,
    )
    assert.equal(services.byName('api'), services.byId(id))
    assert.equal(services.byName('api')?.epoch, storage.epoch())
    assert.deepEqual(await start(), { bad: [] })
    assert.deepEqual(services.find('api').view, view)
    assert.equal(services.find(id).resolve('GET', canonicalTarget('/x/1?a=2'))?.action, 'get')
  })

  test('reads rows that say `preset`, the word of before', async () => {
    const { id } = await services.add({ name: 'earlier', template: 'github' }, by)
    const { definition } = (await storage.load<{ id: string; definition: string }>('services')).rows.find(
      (row) => row.id === id,
    )!
    const { template: preset, ...rest } = JSON.parse(definition)
    const row = { id, name: 'earlier', created_at: 1, updated_at: 1, definition: canonicalJson({ ...rest, preset }) }
    await storage.write((tx) => tx.put('services', row))
    assert.deepEqual(await start(), { bad: [] })
    assert.equal(services.find('earlier').view.template, 'github')
    assert.equal(services.find('earlier').resolve('GET', canonicalTarget('/repos/o/r'))?.action, 'repo.get')
    await services.remove('earlier', by)
  })

  test('records what was done, and by whom', async () => {
    await services.add({ name: 'odd', origins: ['http://odd.example'], unsafePlainHttp: true, unsafeNoScrub: true }, by)
    const { record, kind } = changes.at(-1)!
    assert.deepEqual([kind, record.type, record.actor], ['service', 'config', by])
    assert.deepEqual(record.ev.unsafe, ['no-scrub', 'plain-http'])
    assert.equal(record.ev.what, 'service.added')
  })

  test('refuses a second service of the name, also of two at once', async () => {
    await assert.rejects(services.add(api, by), { code: 'service_exists' })
    const both = await Promise.allSettled(['twin', 'twin'].map((name) => services.add({ ...api, name }, by)))
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })

  test('stores nothing of what it refuses', async () => {
    const before = services.list().length
    await assert.rejects(services.add({ ...api, name: 'bad', origins: ['http://bad.example'] }, by), {
      code: 'origin_plain_http',
    })
    await assert.rejects(services.add({ ...api, name: 'bad', paths: ['nope'] }, by), { code: 'template_invalid' })
    assert.equal(services.list().length, before)
    assert.equal(database.look("select count(*) as n from services where name = 'bad'")[0]?.n, 0)
  })

  test('replaces under the same id, says how the origins changed, and leaves running calls their entry', async () => {
    const old = services.find('api')
    const replaced = await services.replace('api', { ...api, origins: ['https://b.example.com'] }, by)
    assert.deepEqual(replaced.oldOrigins, ['https://api.example.com:443'])
    assert.deepEqual(replaced.newOrigins, ['https://b.example.com:443'])
    assert.equal(replaced.service.id, old.id)
    assert.equal(services.byName('api'), replaced.service)
    assert.equal(old.originHrefs[0], 'https://api.example.com:443')
    assert.ok(replaced.service.epoch > old.epoch)
    await assert.rejects(services.replace('api', { ...api, name: 'other' }, by), { code: 'service_invalid' })
    await assert.rejects(services.replace('nope', { ...api, name: 'nope' }, by), { code: 'service_unknown' })
  })

  test('removes, and a new one of the name has another id', async () => {
    const { id } = await services.add({ ...api, name: 'gone' }, by)
    await services.remove('gone', by)
    assert.equal(services.byName('gone') ?? services.byId(id), undefined)
    await assert.rejects(services.remove('gone', by), { code: 'service_unknown' })
    assert.notEqual((await services.add({ ...api, name: 'gone' }, by)).id, id)
  })

  test('serves nothing when sealed, and writes nothing', async () => {
    storage.authenticateWith(undefined)
    services.clear()
    assert.equal(services.byName('api'), undefined)
    await assert.rejects(services.add({ ...api, name: 'late' }, by), { code: 'vault_sealed' })
    await start()
    assert.equal(services.byName('late'), undefined)
    assert.ok(services.byName('api'))
  })

  test('does not believe rows that other hands wrote', async () => {
    const { id } = services.find('api')
    const { bad } = await start(
      `update services set definition = replace(definition, 'https://b.example.com', 'https://e.example.com') where id = '${id}'`,
    )
    assert.deepEqual(bad, [id])
    assert.equal(services.byName('api'), undefined)
    assert.equal(services.byName('twin')?.originHrefs[0], 'https://api.example.com:443')
  })
})
