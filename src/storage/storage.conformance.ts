import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Problem } from '../ground/problem.ts'
import { authenticatedTable, type Migration, plainTable } from './migrations.ts'
import type { Change, NewChange, Storage, Tx } from './storage.ts'

/** What the suite needs from a kind of database: to open one again and again, and to edit it behind its back. */
export interface ConformanceDatabase {
  open(options?: { sealed?: boolean }): Promise<Storage>
  edit(sql: string): void
  remove(): void
}

/** An authenticated and a plain table to try things on. */
export const conformanceMigrations: readonly Migration[] = [
  {
    id: '0001-conformance',
    async up(db) {
      await authenticatedTable(db, 'things', (table) =>
        table
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('size', 'integer')
          .addColumn('data', 'blob'),
      )
      await plainTable(db, 'notes', (table) =>
        table.addColumn('id', 'integer', (column) => column.primaryKey()).addColumn('text', 'text'),
      )
    },
  },
]

export function thing(ref: string, after?: unknown): NewChange {
  return { kind: 'thing', ref, after, record: { type: 'config', ev: { thing: ref } } }
}

/** One suite for every kind of database that may lie beneath storage. */
export function storageConformance(name: string, make: () => ConformanceDatabase): void {
  describe(`storage over ${name}`, () => {
    let database: ConformanceDatabase
    let storage: Storage
    beforeEach(async () => {
      database = make()
      storage = await database.open()
    })
    afterEach(async () => {
      await storage.close()
      database.remove()
    })
    const reopen = async (options?: { sealed?: boolean }) => {
      await storage.close()
      storage = await database.open(options)
    }
    const putThing = (id: string, size: number | null = null) =>
      storage.write(async (tx) => {
        const epoch = await tx.change(thing(id))
        await tx.put('things', { id, name: `thing ${id}`, size })
        return epoch
      })

    transactions(() => storage, putThing)
    authority(
      () => storage,
      () => database,
      putThing,
      reopen,
    )
    outbox(
      () => storage,
      () => database,
      putThing,
      reopen,
    )
  })
}

type PutThing = (id: string, size?: number | null) => Promise<number>

function transactions(storage: () => Storage, putThing: PutThing): void {
  const notes = () => storage().read((db) => db.selectFrom('notes').selectAll().orderBy('id').execute())
  const note = (id: number) => storage().write((tx) => tx.db.insertInto('notes').values({ id, text: 'n' }).execute())

  test('undoes a write that throws, alone', async () => {
    const second = storage().write(async (tx) => {
      await tx.db.insertInto('notes').values({ id: 2 }).execute()
      await tx.change(thing('two'))
      throw new Error('changed my mind')
    })
    const [first, , third] = await Promise.allSettled([note(1), second, note(3), putThing('a')])
    assert.equal(first.status, 'fulfilled')
    assert.equal(third.status, 'fulfilled')
    await assert.rejects(second, /changed my mind/)
    assert.deepEqual(
      (await notes()).map((row) => row.id),
      [1, 3],
    )
    assert.equal(storage().epoch(), 1)
    assert.equal(await storage().checkRows(), 'ok')
  })

  test('undoes a write that breaks a constraint, alone', async () => {
    const [, second, third] = await Promise.allSettled([note(1), note(1), note(2)])
    assert.equal(second?.status, 'rejected')
    assert.equal(third?.status, 'fulfilled')
    assert.equal((await notes()).length, 2)
  })

  test('shows readers nothing of a transaction in flight', async () => {
    let seen: unknown[] | undefined
    await storage().write(async (tx) => {
      await tx.db.insertInto('notes').values({ id: 1 }).execute()
      seen = await notes()
      assert.equal((await tx.db.selectFrom('notes').selectAll().execute()).length, 1)
    })
    assert.deepEqual(seen, [])
    assert.equal((await notes()).length, 1)
  })

  test('refuses a write inside a write instead of waiting for itself', async () => {
    await assert.rejects(
      storage().write(() => note(1)),
      TypeError,
    )
    await note(2)
  })

  test('keeps volatile writes beside synced ones, and refuses authority in them', async () => {
    const note = (id: number) => (tx: Tx) =>
      tx.db
        .insertInto('notes')
        .values({ id, text: `note ${id}` })
        .execute()
    await Promise.all([
      storage().write(note(1), { volatile: true }),
      putThing('t-volatile'),
      storage().write(note(2), { volatile: true }),
      storage().write(note(3)),
    ])
    const rows = await storage().read((db) => db.selectFrom('notes').select('id').orderBy('id').execute())
    assert.deepEqual(
      rows.map(({ id }) => id),
      [1, 2, 3],
    )
    for (const work of [
      (tx: Tx) => tx.change(thing('x')),
      (tx: Tx) => tx.put('things', { id: 'x', name: 'x' }),
      (tx: Tx) => tx.remove('things', 't-volatile'),
    ]) {
      await assert.rejects(storage().write<unknown>(work, { volatile: true }), TypeError)
    }
  })

  test('refuses a tx whose work has ended', async () => {
    const kept = await storage().write(async (tx) => ({ tx }))
    await assert.rejects(kept.tx.put('things', { id: 'a', name: 'a' }), TypeError)
    await assert.rejects(kept.tx.db.insertInto('notes').values({ id: 1 }).execute(), TypeError)
    assert.deepEqual(await notes(), [])
  })
}

function authority(
  storage: () => Storage,
  database: () => ConformanceDatabase,
  putThing: PutThing,
  reopen: (options?: { sealed?: boolean }) => Promise<void>,
): void {
  const load = () => storage().load<{ id: string; size: number | null; epoch: number }>('things')

  test('keeps rows, with their epoch, over a restart', async () => {
    const data = new Uint8Array([0, 255, 7])
    const row = { id: 'a', name: 'é€😀', size: -(2 ** 53 - 1), data }
    await storage().write((tx) => tx.put('things', row))
    await reopen()
    assert.deepEqual(await load(), { rows: [{ ...row, epoch: 1 }], bad: [] })
    assert.equal(await storage().checkRows(), 'ok')
  })

  test('replaces a whole row: a column left out becomes null', async () => {
    await putThing('a', 5)
    await putThing('a')
    assert.equal((await load()).rows[0]?.size, null)
    assert.equal(await storage().checkRows(), 'ok')
  })

  test('raises the epoch with each change, and a row carries the epoch of its change', async () => {
    const epochs = await storage().write(async (tx) => {
      await tx.put('things', { id: 'a', name: 'a' })
      const first = await tx.change(thing('a'))
      const second = await tx.change(thing('b'))
      await tx.put('things', { id: 'b', name: 'b' })
      return [first, second]
    })
    assert.deepEqual(epochs, [1, 2])
    assert.deepEqual(
      (await load()).rows.map((row) => row.epoch),
      [1, 2],
    )
    assert.equal(storage().epoch(), 2)
  })

  test('raises the epoch for a put without a change', async () => {
    await storage().write((tx) => tx.put('things', { id: 'a', name: 'a' }))
    assert.equal(storage().epoch(), 1)
  })

  test('finds edits, in whatever column', async () => {
    const edits = ["name = 'other'", 'size = 2', 'size = null', 'epoch = 7', "id = 'z'", 'size = 1152921504606846976']
    for (const edit of edits) {
      await storage().write((tx) => tx.remove('things', 'a'))
      await putThing('a', 1)
      await putThing('b', 1)
      await storage().close()
      database().edit(`update things set ${edit} where id = 'a'`)
      await reopen()
      const { rows, bad } = await load()
      assert.deepEqual([rows.map((row) => row.id), bad], [['b'], [edit.startsWith('id') ? 'z' : 'a']], edit)
      database().edit(`delete from things where id in ('a', 'z')`)
      await storage().acceptRows(0)
    }
  })

  const forgeries: readonly [string, string][] = [
    ['a deleted row', "delete from things where id = 'a'"],
    ['a row inserted by hand', "insert into things (id, name, epoch, mac) values ('x', 'x', 1, zeroblob(32))"],
    [
      'a copied row',
      "insert into things (id, name, size, epoch, mac) select 'x', name, size, epoch, mac from things where id = 'a'",
    ],
    ['a raised epoch', 'update authority set epoch = epoch + 100'],
    ['a lost sum', 'delete from authority'],
    ['a sum taken back to before the first key', "update authority set mac = x'', sum = x'', nonce = x''"],
    ['a forgotten table', 'delete from authenticated_tables'],
    ['a deleted row, and the count with it', "delete from things where id = 'a'; update authority set row_count = 1"],
  ]
  for (const [what, sql] of forgeries) {
    test(`finds ${what}, and refuses to write over it`, async () => {
      await putThing('a', 1)
      await putThing('b', 2)
      await storage().close()
      for (const statement of sql.split(';')) database().edit(statement)
      await reopen()
      assert.equal(await storage().checkRows(), 'tampered')
      await assert.rejects(putThing('c'), { code: 'rows_tampered' })
      await assert.rejects(
        storage().write((tx) => tx.change(thing('c'))),
        { code: 'rows_tampered' },
      )
    })
  }

  test('gives nobody a row that other hands edited', async () => {
    await putThing('a', 1)
    database().edit("update things set size = 9 where id = 'a'")
    await assert.rejects(
      storage().write((tx) => tx.get('things', 'a')),
      { code: 'row_tampered' },
    )
    assert.equal(await storage().write((tx) => tx.get('things', 'b')), undefined)
  })

  for (const what of ['put', 'remove'] as const) {
    test(`lets a ${what} win over a row that other hands edited, and keeps the evidence`, async () => {
      await putThing('a', 1)
      await putThing('b', 1)
      database().edit("update things set size = 9 where id = 'a'")
      await storage().write((tx) =>
        what === 'put' ? tx.put('things', { id: 'a', name: 'a' }) : tx.remove('things', 'a'),
      )
      assert.deepEqual((await load()).bad, [])
      await reopen()
      assert.equal(await storage().checkRows(), 'tampered')
    })
  }

  test('takes the rows as they are when told to, above the epoch it is told', async () => {
    await putThing('a', 1)
    await putThing('b', 2)
    database().edit("update things set size = 9 where id = 'a'")
    database().edit("insert into things (id, name, epoch, mac) values ('x', 'x', 1, zeroblob(32))")
    await reopen()
    assert.equal(await storage().checkRows(), 'tampered')
    assert.deepEqual(await storage().acceptRows(41), { removed: ['things/a', 'things/x'], epoch: 42 })
    assert.equal(await storage().checkRows(), 'ok')
    assert.equal(await putThing('c'), 43)
    await reopen()
    assert.equal(await storage().checkRows(), 'ok')
    assert.deepEqual(
      (await load()).rows.map((row) => row.id),
      ['b', 'c'],
    )
  })

  test('refuses authority without the key: to write it, to read it, to raise the epoch', async () => {
    await putThing('a', 1)
    await reopen({ sealed: true })
    const sealed = { code: 'vault_sealed' }
    await assert.rejects(putThing('b'), sealed)
    await assert.rejects(
      storage().write((tx) => tx.change(thing('b'))),
      sealed,
    )
    await assert.rejects(
      storage().write((tx) => tx.put('things', { id: 'a', name: 'a' })),
      sealed,
    )
    await assert.rejects(load(), sealed)
    await assert.rejects(storage().checkRows(), sealed)
    assert.equal(storage().epoch(), 1)
  })

  test('counts changes before the first key, and authenticates from then on', async () => {
    await reopen({ sealed: true })
    await storage().write((tx) => tx.change(thing('slot')))
    assert.equal(storage().epoch(), 1)
  })

  test('refuses what has no one spelling in a row', async () => {
    for (const row of [{ size: 0.5 }, { size: 2 ** 53 }, { name: 'a\0b' }, { name: '\ud800' }, { colour: 'red' }]) {
      const write = storage().write((tx) => tx.put('things', { id: 'a', name: 'a', ...row }))
      await assert.rejects(write, (error) => error instanceof TypeError && !(error instanceof Problem))
    }
    await assert.rejects(
      storage().write((tx) => tx.put('notes', { id: 'a' })),
      TypeError,
    )
    assert.equal(storage().epoch(), 0)
  })
}

function outbox(
  storage: () => Storage,
  database: () => ConformanceDatabase,
  putThing: PutThing,
  reopen: (options?: { sealed?: boolean }) => Promise<void>,
): void {
  test('calls followers right after the commit and in epoch order, then the recorder, then the caller', async () => {
    const order: string[] = []
    let committed: unknown[] = []
    storage().follow((change) => order.push(`follow ${change.epoch} ${String(change.after)}`))
    storage().recordWith(async (change) => {
      committed = await storage().read((db) => db.selectFrom('things').selectAll().execute())
      await new Promise(setImmediate)
      order.push(`record ${change.id}`)
      return change.id
    })
    const write = (id: string) =>
      storage().write(async (tx) => {
        await tx.change(thing(id, id.toUpperCase()))
        await tx.put('things', { id, name: id })
      })
    await Promise.all(['a', 'b', 'c'].map((id) => write(id).then(() => order.push(`done ${id}`))))
    assert.deepEqual(order.slice(0, 3), ['follow 1 A', 'follow 2 B', 'follow 3 C'])
    for (const [at, id] of ['a', 'b', 'c'].entries()) {
      assert.ok(order.indexOf(`record ${at + 1}`) < order.indexOf(`done ${id}`))
    }
    assert.equal(committed.length, 3)
  })

  test('says that it is committed once its records are handed in and before they are durable, and not of what failed', async () => {
    const order: string[] = []
    const durable = Promise.withResolvers<void>()
    storage().recordWith(async (change) => {
      order.push(`handed in ${change.ref}`)
      await durable.promise
      return change.id
    })
    const write = (id: string, work: () => void = () => {}) => {
      const put = async (tx: Tx) => {
        await tx.change(thing(id, id))
        work()
        return id
      }
      return storage().write(put, { committed: (value) => order.push(`committed ${value}`) })
    }
    const good = write('a')
    const bad = write('b', () => {
      throw new Error('no')
    })
    await assert.rejects(bad, /no/)
    await new Promise(setImmediate)
    assert.deepEqual(order, ['handed in a', 'committed a'])
    durable.resolve()
    assert.equal(await good, 'a')
  })

  test('keeps a change pending until it is marked, and forgets the mark never', async () => {
    const actor = { kind: 'operator', id: 'op_1' } as const
    const record = { type: 'revoke', actor, ev: { all: true, n: 3 } }
    await storage().write((tx) => tx.change({ kind: 'revoke_all', ref: 'all', after: { secret: 1 }, record }))
    await putThing('a')
    await reopen()
    const pending = await storage().pending()
    assert.deepEqual(pending[0], { id: 1, epoch: 1, kind: 'revoke_all', ref: 'all', record, proven: true })
    assert.equal(pending.length, 2)
    await storage().markRecorded(1, 77)
    assert.equal((await storage().pending()).length, 1)
    await reopen()
    assert.deepEqual(
      (await storage().pending()).map((change) => change.id),
      [2],
    )
  })

  test('tells a pending change from one that other hands wrote, edited, or that nobody could prove', async () => {
    for (const id of ['a', 'b', 'c']) await putThing(id)
    database().edit("update audit_outbox set ref = 'x' where id = 2")
    database().edit(`insert into audit_outbox (epoch, kind, ref, record, mac)
      select epoch + 9, kind, ref, record, mac from audit_outbox where id = 1`)
    await reopen()
    assert.deepEqual(
      (await storage().pending()).map(({ proven }) => proven),
      [true, false, true, false],
    )
    await reopen({ sealed: true })
    assert.ok((await storage().pending()).every(({ proven }) => !proven))
  })

  test('marks what the recorder recorded', async () => {
    storage().recordWith(async (change: Change) => 100 + change.id)
    await putThing('a')
    await reopen()
    assert.deepEqual(await storage().pending(), [])
  })

  test('acknowledges nothing whose record failed, although the change is in effect', async () => {
    const seen: string[] = []
    storage().follow((change) => seen.push(change.ref))
    storage().recordWith(async () => {
      throw new Error('the log is full')
    })
    await assert.rejects(putThing('a'), /the log is full/)
    assert.deepEqual(seen, ['a'])
    await reopen()
    assert.equal((await storage().pending()).length, 1)
    assert.equal((await storage().load('things')).rows.length, 1)
  })
}
