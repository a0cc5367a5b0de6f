import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { plainTable } from './migrations.ts'
import { Statement } from './statement.ts'
import { testDatabase } from './storage.support.ts'
import type { Storage } from './storage.ts'

const things = testDatabase([
  {
    id: '0001-things',
    async up(db) {
      await plainTable(db, 'things', (table) =>
        table.addColumn('id', 'text', (column) => column.primaryKey().notNull()).addColumn('size', 'integer'),
      )
    },
  },
])
const ADD = new Statement((db, at) => db.insertInto('things').values({ size: at('size'), id: at('id') }))
const TAKE = new Statement<{ id: string; size: number }>((db, at) =>
  db.deleteFrom('things').where('id', '=', at('id')).where('size', '>', 0).returningAll(),
)

describe('storage.run()', () => {
  let storage: Storage
  before(async () => {
    storage = await things.open()
  })
  after(async () => {
    await storage.close()
    things.remove()
  })

  test('puts each value in its place, and gives the rows', async () => {
    assert.deepEqual(await storage.run(ADD, { id: 'a', size: 3 }), [])
    assert.deepEqual({ ...(await storage.run(TAKE, { id: 'a' }))[0] }, { id: 'a', size: 3 })
    assert.deepEqual(await storage.run(TAKE, { id: 'a' }), [])
  })

  test('fails alone: the others of its transaction stay', async () => {
    const run = (id: string) =>
      storage.run(ADD, { id, size: 1 }).then(
        () => 'kept',
        ({ code }) => code,
      )
    const asked = ['b', 'b', 'c', 'b', 'd'].map(run)
    const beside = storage.write((tx) => tx.db.insertInto('things').values({ id: 'e', size: 1 }).execute())
    assert.deepEqual(await Promise.all(asked), ['kept', 'ERR_SQLITE_ERROR', 'kept', 'ERR_SQLITE_ERROR', 'kept'])
    await beside
    const rows = await storage.read((db) => db.selectFrom('things').select('id').orderBy('id').execute())
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['b', 'c', 'd', 'e'],
    )
  })

  test('has one winner among many, volatile or not', async () => {
    for (const volatile of [true, false]) {
      await storage.run(ADD, { id: 'one', size: 1 })
      const taken = await Promise.all(Array.from({ length: 50 }, () => storage.run(TAKE, { id: 'one' }, { volatile })))
      assert.equal(taken.filter((rows) => rows.length === 1).length, 1)
    }
  })

  test('refuses to run without a value, and inside the work of a write', async () => {
    await assert.rejects(storage.run(ADD, { id: 'x' }), TypeError)
    await assert.rejects(
      storage.write(async () => void (await storage.run(ADD, { id: 'x', size: 1 }))),
      TypeError,
    )
  })
})
