// An installation of BotMaker's proxy, written from its contract's schema, comes over; its bots go on with their tokens.
import assert from 'node:assert/strict'
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { BotMakerWorld, json } from './instruments/botmaker-world.ts'
import { runs } from './instruments/command-line.ts'

const MASTER_KEY = randomBytes(32).toString('hex')
const folder = mkdtempSync(join(tmpdir(), 'claviger-botmaker-'))
const path = join(folder, 'proxy.db')
const [alice, bob] = [randomBytes(32).toString('hex'), 'bot_any-text-that-was-issued']

let world: BotMakerWorld
before(async () => {
  writeDatabase()
  world = await BotMakerWorld.start()
  world.answers('v1', (_, response) => json(response, 200, { ok: true }))
})
after(async () => {
  await world[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

function sealed(secret: string, key = MASTER_KEY): Buffer {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'hex'), iv, { authTagLength: 16 })
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), text])
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function writeDatabase(): void {
  const db = new DatabaseSync(path)
  db.exec(`
    create table provider_keys (id text primary key, vendor text not null, secret_encrypted blob not null, label text, tag text, created_at integer not null);
    create table bots (id text primary key, hostname text unique not null, token_hash text unique not null, tags text, created_at integer not null);
    create table usage_log (id integer primary key, bot_id text, vendor text, key_id text, status_code integer, created_at integer);
    insert into usage_log values (1, 'alice', 'openai', 'x', 200, 1);
  `)
  const key = db.prepare('insert into provider_keys values (?, ?, ?, ?, ?, ?)')
  key.run('11111111-1111-4111-8111-111111111111', 'openai', sealed('sk-of-botmaker-0123456789'), 'Main', null, 1)
  key.run('22222222-2222-4222-8222-222222222222', 'openai', sealed('sk-tagged-of-botmaker-0123'), null, 'prod', 2)
  key.run('33333333-3333-4333-8333-333333333333', 'openai', sealed('sk-lost-0123456789', 'f'.repeat(64)), null, null, 3)
  key.run('44444444-4444-4444-8444-444444444444', 'gone-vendor', sealed('sk-nobody-0123456789'), null, null, 4)
  const bot = db.prepare('insert into bots values (?, ?, ?, ?, ?)')
  bot.run('alice', 'alice.local', sha256(alice), '["prod"]', 1)
  bot.run('Bob 2', 'bob.local', sha256(bob), null, 2)
  bot.run('carol', 'carol.local', sha256('carol'), '{broken', 3)
  db.close()
}

async function brings(line: string, env: Readonly<Record<string, string>>, code = 0) {
  const { home, operatorToken } = world.gateway
  const own = { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken }
  const ended = await runs(`import botmaker ${path}${line} --json`, { ...own, ...env }, code)
  const { items } = JSON.parse(ended.stdout) as { items: { name: string; action: string }[] }
  return { text: ended.stdout, actions: Object.fromEntries(items.map(({ name, action }) => [name, action])) }
}

describe('claviger import botmaker', () => {
  test('says what it would do, and changes nothing', async () => {
    const before = readFileSync(path)
    const { text, actions } = await brings('', { MASTER_KEY }, 3)
    assert.deepEqual(actions, {
      '11111111-1111-4111-8111-111111111111': 'would come over',
      '22222222-2222-4222-8222-222222222222': 'would come over',
      '33333333-3333-4333-8333-333333333333': 'stays',
      '44444444-4444-4444-8444-444444444444': 'stays',
      alice: 'would come over',
      'Bob 2': 'would come over',
      carol: 'would come over',
      usage_log: 'stays',
    })
    assert.ok(!text.includes('sk-'))
    assert.deepEqual(readFileSync(path), before)
    assert.equal((await world.done('GET', '/admin/health')).botCount, 0)
  })

  test('brings keys and bots over; bots go on with their tokens, with the keys that are theirs', async () => {
    const file = join(folder, 'master.key')
    writeFileSync(file, `${MASTER_KEY}\n`, { mode: 0o600 })
    const { actions } = await brings(` --master-key-file ${file} --write`, {}, 3)
    assert.equal(actions.alice, 'came over')
    const used = () => world.upstream.receipts.at(-1)!.headers.get('authorization')
    assert.equal((await world.chat(alice)).status, 200)
    assert.deepEqual(used(), ['Bearer sk-tagged-of-botmaker-0123'])
    assert.equal((await world.chat(bob)).status, 200)
    assert.deepEqual(used(), ['Bearer sk-of-botmaker-0123456789'])
    assert.equal((await world.chat('carol')).status, 500)
    assert.equal((await world.chat(sha256(alice))).status, 403)
    assert.deepEqual(await world.done('GET', '/admin/health'), { status: 'ok', keyCount: 2, botCount: 3 })
    const again = await brings(' --write', { MASTER_KEY_FILE: file }, 3)
    assert.deepEqual(
      Object.values(again.actions).filter((action) => action === 'came over'),
      [],
    )
  })

  test('refuses what is no such database, and wants the master key', async () => {
    const { home, operatorToken } = world.gateway
    const own = { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: operatorToken }
    for (const [line, env] of [
      [`import botmaker ${path}`, {}],
      [`import botmaker ${path}`, { MASTER_KEY: 'short' }],
      [`import botmaker ${folder}/none.db`, { MASTER_KEY }],
      [`import botmaker ${folder}/master.key`, { MASTER_KEY }],
    ] as const) {
      await runs(line, { ...own, ...env }, 64)
    }
  })
})
