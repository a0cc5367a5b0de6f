import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { AgentId, CredentialId, ServiceId, TokenId } from '../ground/ids.ts'
import { MARK, type PlaceholderShape, placeholderShape, runAt } from '../ground/placeholder-shape.ts'
import { type TestDatabase, testDatabase } from '../storage/storage.support.ts'
import type { Actor, Storage } from '../storage/storage.ts'
import type { MadePlaceholder } from './placeholders.ts'
import { Placeholders } from './placeholders.ts'
import { placeholdersMigrations } from './schema.ts'

const by: Actor = { kind: 'agent', id: 'agent_1' }
const agent = 'agent_1' as AgentId
const token = 'tok_1' as TokenId
const wanted = {
  service: 'srv_1' as ServiceId,
  credential: 'crd_1' as CredentialId,
  shape: placeholderShape('sk-{48}') as PlaceholderShape,
  variables: ['A_KEY', 'B_KEY'],
}
const runOf = (text: string) => runAt(text, text.indexOf(MARK))

describe('the room of placeholders', () => {
  const pepper = { version: 1, key: createSecretKey(randomBytes(32)) }
  let clock: SetClock
  let database: TestDatabase
  let storage: Storage
  let room: Placeholders
  let bad: readonly string[]
  /** Tokens that speak for nobody now, and those that never will. */
  let silent: Set<string>
  let over: Set<string>

  async function start(): Promise<void> {
    storage = await database.open()
    const lives = (_: AgentId, one: TokenId) => !silent.has(one) && !over.has(one)
    room = new Placeholders({ storage, clock, pepper: () => pepper, lives, isOver: (one) => over.has(one) })
    bad = (await room.load()).bad
  }

  beforeEach(async () => {
    clock = new SetClock()
    silent = new Set()
    over = new Set()
    database = testDatabase([...placeholdersMigrations], clock)
    await start()
  })
  afterEach(async () => {
    await storage.close()
    database.remove()
  })

  const issue = async (owner = { agent, token }, lifeMs = 60_000): Promise<MadePlaceholder> => {
    const [made] = await room.issue({ ...owner, expiresAt: clock.now() + lifeMs }, [wanted], by)
    return made as MadePlaceholder
  }

  test('finds by the run alone, after a restart too, and keeps no text', async () => {
    const { entry, text } = await issue()
    assert.deepEqual(room.find(runOf(text)), entry)
    assert.equal(room.find(`${runOf(text)}x`), undefined)
    assert.equal(room.inUse, true)
    await storage.close()
    assert.ok(!readFileSync(database.file).includes(runOf(text)))
    await start()
    assert.deepEqual([bad, room.find(runOf(text)), room.inUse], [[], entry, true])
    room.clear()
    assert.equal(room.find(runOf(text)), undefined)
  })

  test('says of one that it lives as long as its time and its token do', async () => {
    const { entry } = await issue()
    assert.ok(room.isLive(entry))
    silent.add(token)
    assert.ok(!room.isLive(entry))
    assert.deepEqual(room.list(), [])
    silent.clear()
    assert.deepEqual(room.list(agent), [entry])
    clock.advance(60_000)
    assert.ok(!room.isLive(entry))
  })

  test('clears away what is over with the next issue, and not what a locked agent has', async () => {
    const gone = await issue({ agent, token: 'tok_2' as TokenId })
    const locked = await issue({ agent, token: 'tok_3' as TokenId })
    const late = await issue({ agent, token: 'tok_4' as TokenId }, 10)
    over.add('tok_2')
    silent.add('tok_3')
    clock.advance(10)
    await issue()
    silent.clear()
    assert.equal(room.find(runOf(gone.text)), undefined)
    assert.equal(room.find(runOf(late.text)), undefined)
    assert.ok(room.isLive(room.find(runOf(locked.text)) ?? gone.entry))
  })

  test('ends one by its id, for its agent or for an operator, and once', async () => {
    const { entry, text } = await issue()
    await assert.rejects(room.end(entry.id, by, 'agent_2'), { code: 'placeholder_gone' })
    await room.end(entry.id, by, agent)
    assert.equal(room.find(runOf(text)), undefined)
    await assert.rejects(room.end(entry.id, by), { code: 'placeholder_gone' })
  })

  test('makes no more for one agent than it may have', async () => {
    const owner = { agent, token, expiresAt: clock.now() + 60_000 }
    await room.issue(owner, new Array(1_024).fill(wanted), by)
    await assert.rejects(room.issue(owner, [wanted], by), { code: 'placeholders_full' })
    assert.equal((await room.issue({ ...owner, agent: 'agent_2' as AgentId }, [wanted], by)).length, 1)
    assert.deepEqual(await room.issue(owner, [], by), [])
  })

  test('believes no row that other hands wrote', async () => {
    const { entry, text } = await issue()
    await storage.close()
    database.edit(`update placeholders set agent = 'agent_2' where id = '${entry.id}'`)
    await start()
    assert.deepEqual([bad, room.find(runOf(text))], [[entry.id], undefined])
  })
})
