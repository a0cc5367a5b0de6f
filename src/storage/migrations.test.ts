import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type Migration, plainTable } from './migrations.ts'
import { conformanceMigrations } from './storage.conformance.ts'
import { type TestDatabase, testDatabase } from './storage.support.ts'

const adds = (id: string, table: string): Migration => ({
  id,
  up: (db) => plainTable(db, table, (made) => made.addColumn('id', 'integer', (column) => column.primaryKey())),
})

describe('migrations', () => {
  let database: TestDatabase
  beforeEach(() => {
    database = testDatabase(conformanceMigrations)
  })
  afterEach(() => database.remove())
  const tables = () =>
    database.look("select name from sqlite_schema where name like 'm\\_%' escape '\\'").map((row) => row.name)
  const openWith = async (...migrations: Migration[]) => (await database.open({ migrations })).close()

  test('apply each once, in order, old databases included', async () => {
    await openWith(adds('0001-m', 'm_one'))
    await openWith(adds('0001-m', 'm_one'), adds('0002-m', 'm_two'), adds('0003-m', 'm_three'))
    assert.deepEqual(tables(), ['m_one', 'm_two', 'm_three'])
  })

  test('leave nothing of one that fails, and keep those before it', async () => {
    const failing: Migration = {
      id: '0002-m',
      async up(db) {
        await adds('', 'm_half').up(db)
        throw new Error('not today')
      },
    }
    await assert.rejects(openWith(adds('0001-m', 'm_one'), failing, adds('0003-m', 'm_three')), /not today/)
    assert.deepEqual(tables(), ['m_one'])
    await openWith(adds('0001-m', 'm_one'), adds('0002-m', 'm_two'))
    assert.deepEqual(tables(), ['m_one', 'm_two'])
  })

  test('refuse two of one id, and make tables that refuse wrong types', async () => {
    await assert.rejects(openWith(adds('0001-m', 'm_one'), adds('0001-m', 'm_two')), TypeError)
    const storage = await database.open()
    await assert.rejects(
      storage.write((tx) =>
        tx.db
          .insertInto('notes')
          .values({ text: new Uint8Array(1) })
          .execute(),
      ),
      /cannot store BLOB value in TEXT column/,
    )
    await storage.close()
  })

  test('leave old rows authentic when they add a nullable column', async () => {
    let storage = await database.open()
    await storage.write((tx) => tx.put('things', { id: 'a', name: 'a' }))
    await storage.close()
    const colour: Migration = {
      id: '0002-colour',
      up: (db) => db.schema.alterTable('things').addColumn('colour', 'text').execute(),
    }
    storage = await database.open({ migrations: [...conformanceMigrations, colour] })
    assert.deepEqual((await storage.load('things')).bad, [])
    await storage.write((tx) => tx.put('things', { id: 'b', name: 'b', colour: 'red' }))
    assert.equal(await storage.checkRows(), 'ok')
    await storage.close()
  })
})
