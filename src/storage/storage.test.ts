import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SQLInputValue } from 'node:sqlite'
import { after, describe, test } from 'node:test'
import { conformanceMigrations, storageConformance, thing } from './storage.conformance.ts'
import { type TestDatabase, testDatabase } from './storage.support.ts'
import type { Storage } from './storage.ts'

storageConformance('SQLite', () => testDatabase(conformanceMigrations))

const opened: TestDatabase[] = []
after(() => {
  for (const database of opened) database.remove()
})

function fresh(): TestDatabase {
  const database = testDatabase(conformanceMigrations)
  opened.push(database)
  return database
}

/** Commits in a write-ahead log: its frames that carry a database size (https://sqlite.org/walformat.html). */
function commitsIn(wal: string): number {
  const bytes = readFileSync(wal)
  if (bytes.length < 32) return 0
  const frame = 24 + bytes.readUInt32BE(8)
  let commits = 0
  for (let at = 32; at + frame <= bytes.length; at += frame) {
    const current = bytes.compare(bytes, 16, 24, at + 8, at + 16) === 0 // salts: frames of an older log lie behind
    if (current && bytes.readUInt32BE(at + 4) !== 0) commits += 1
  }
  return commits
}

const putThing = (storage: Storage, id: string) =>
  storage.write(async (tx) => {
    await tx.change(thing(id))
    await tx.put('things', { id, name: id })
  })

describe('SQLite storage', () => {
  test('commits the writes of one turn once', async () => {
    const database = fresh()
    const storage = await database.open()
    const before = commitsIn(`${database.file}-wal`)
    await Promise.all(Array.from({ length: 200 }, (_, at) => putThing(storage, `t${at}`)))
    assert.equal(commitsIn(`${database.file}-wal`), before + 1)
    await putThing(storage, 'a')
    await putThing(storage, 'b')
    assert.equal(commitsIn(`${database.file}-wal`), before + 3)
    await storage.close()
  })

  test('keeps its files to the user', async () => {
    const database = fresh()
    const storage = await database.open()
    await putThing(storage, 'a')
    for (const suffix of ['', '-wal', '-shm']) {
      assert.equal(statSync(database.file + suffix).mode & 0o777, 0o600, suffix)
    }
    await storage.close()
  })

  test('leaves nothing of a deleted row in its files', async () => {
    const database = fresh()
    const storage = await database.open()
    const canary = 'canary-4711-0815'
    await storage.write((tx) => tx.put('things', { id: 'a', name: canary }))
    await storage.write((tx) => tx.remove('things', 'a'))
    await storage.close()
    assert.equal(readFileSync(database.file).includes(canary), false)
  })

  test('keeps the write-ahead log from growing without end', async () => {
    const database = fresh()
    const storage = await database.open()
    const data = new Uint8Array(1_000_000)
    for (let round = 0; round < 30; round += 1) {
      await storage.write((tx) => tx.put('things', { id: `t${round % 3}`, name: 'n', data }))
    }
    assert.ok(statSync(`${database.file}-wal`).size < 12_000_000)
    await storage.close()
  })

  test('keeps its instance id and refuses a database of a newer version', async () => {
    const database = fresh()
    const first = await database.open()
    await first.close()
    const second = await database.open()
    assert.match(second.instanceId, /^[0-9a-f]{32}$/)
    assert.equal(second.instanceId, first.instanceId)
    await second.close()
    database.edit("insert into migrations (id, applied_at) values ('0900-later', 1)")
    await assert.rejects(database.open(), { code: 'database_newer', facts: { migration: '0900-later' } })
  })

  test('finds a row replayed from an old copy, whose own MAC is good', async () => {
    const database = fresh()
    let storage = await database.open()
    await putThing(storage, 'a')
    await putThing(storage, 'b')
    const [old] = database.look("select * from things where id = 'a'") as [Record<string, SQLInputValue>]
    await storage.write((tx) => tx.put('things', { id: 'a', name: 'revoked' }))
    await storage.close()
    database.edit(
      "update things set name = ?, epoch = ?, mac = ? where id = 'a'",
      old.name ?? null,
      old.epoch ?? null,
      old.mac ?? null,
    )
    storage = await database.open()
    assert.deepEqual((await storage.load('things')).bad, [])
    assert.equal(await storage.checkRows(), 'tampered')
    await storage.close()
  })

  test('shows the rollback of the whole file by its epoch, which nobody can raise without the key', async () => {
    const database = fresh()
    let storage = await database.open()
    await putThing(storage, 'a')
    await storage.close()
    const copy = join(database.directory, 'copy')
    copyFileSync(database.file, copy)
    storage = await database.open()
    await putThing(storage, 'b')
    assert.equal(storage.epoch(), 2)
    await storage.close()
    copyFileSync(copy, database.file)
    storage = await database.open()
    assert.deepEqual([storage.epoch(), await storage.checkRows()], [1, 'ok'])
    await storage.close()
    database.edit('update authority set epoch = 2')
    storage = await database.open()
    assert.equal(await storage.checkRows(), 'tampered')
    await storage.close()
  })

  test('takes no rows of another database, nor those of another key', async () => {
    const [one, other] = [fresh(), fresh()]
    const [first, second] = [await one.open(), await other.open()]
    await putThing(first, 'a')
    await putThing(second, 'b')
    await first.close()
    const reopened = await one.open({ sealed: true })
    reopened.authenticateWith(other.key)
    assert.deepEqual(await reopened.load('things'), { rows: [], bad: ['a'] })
    assert.equal(await reopened.checkRows(), 'tampered')
    await Promise.all([reopened.close(), second.close()])
  })
})

describe('a process killed between commit and record', () => {
  test('leaves the change in effect and its record pending for the next boot', async () => {
    const database = fresh()
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'testing', 'commit-then-hang.ts'), database.file],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const storage = await database.open({ sealed: true })
    const pending = await storage.pending()
    assert.deepEqual(
      pending.map(({ id, epoch, ref }) => ({ id, epoch, ref })),
      [
        { id: 1, epoch: 1, ref: 'a' },
        { id: 2, epoch: 2, ref: 'b' },
      ],
    )
    assert.equal(database.look('select * from things').length, 2)
    await storage.close()
  })
})
