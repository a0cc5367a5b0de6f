import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AskingRoom } from './asking-room.ts'

const MIB = 1024 * 1024
const full = { code: 'too_many_in_flight' }

/** Work that ends when it is told to. */
function works<T>(result: T) {
  const ends: (() => void)[] = []
  const work = () => new Promise<T>((resolve) => ends.push(() => resolve(result)))
  const end = () => {
    for (const one of ends.splice(0)) one()
  }
  return { work, end }
}

const callerWith = (contents: () => Promise<{ body: Buffer; headers: [] }>) => ({
  contents,
  gone: false,
  patience: () => undefined,
})
/** All of them the same memory. */
const body = Buffer.alloc(8 * MIB)
const bringing = (bytes: number) => callerWith(() => Promise.resolve({ body: body.subarray(0, bytes), headers: [] }))

describe('the room for asking', () => {
  test('takes four bodies of an agent at once, 32 of all, and others once those are in', async () => {
    const room = new AskingRoom()
    const { work, end } = works({ body: Buffer.alloc(1), headers: [] as [] })
    const caller = callerWith(work)
    const agents = Array.from({ length: 8 }, (_, at) => `agent_${at}`)
    const going = agents.flatMap((agent) => Array.from({ length: 4 }, () => room.read(agent, caller)))
    await assert.rejects(room.read('agent_0', caller), full)
    await assert.rejects(room.read('agent_9', caller), full)
    end()
    for (const { contents } of await Promise.all(going)) assert.equal(contents.body?.length, 1)
    const again = room.read('agent_9', caller)
    end()
    assert.equal((await again).contents.body?.length, 1)
  })

  test('frees the place of a body that could not be read', async () => {
    const room = new AskingRoom()
    const broken = callerWith(() => Promise.reject(new Error('broke')))
    for (let at = 0; at < 10; at += 1) await assert.rejects(room.read('a', broken), /broke/)
  })

  test('keeps 64 MiB of an agent and 256 MiB of all, each until its call is over', async () => {
    const room = new AskingRoom()
    const kept = await Promise.all(['a', 'a', 'a', 'a'].map((agent) => room.read(agent, bringing(8 * MIB))))
    for (let at = 0; at < 4; at += 1) kept.push(await room.read('a', bringing(8 * MIB)))
    await assert.rejects(room.read('a', bringing(1)), full)
    for (const agent of ['b', 'c', 'd'])
      for (let at = 0; at < 8; at += 1) kept.push(await room.read(agent, bringing(8 * MIB)))
    await assert.rejects(room.read('e', bringing(1)), full)
    await room.read('e', bringing(0))
    kept[0]?.letGo()
    kept[0]?.letGo()
    const last = await room.read('e', bringing(8 * MIB))
    await assert.rejects(room.read('a', bringing(1)), full)
    for (const one of [...kept, last]) one.letGo()
    for (let at = 0; at < 8; at += 1) await room.read('a', bringing(8 * MIB))
  })

  test('keeps sixteen callers of an agent waiting, and none above 128 MiB of all', async () => {
    const room = new AskingRoom()
    const { work, end } = works('done')
    const waiting = Array.from({ length: 16 }, () => room.waiting('a', work))
    assert.equal(await room.waiting('a', work), undefined)
    for (const agent of ['b', 'c']) for (let at = 0; at < 8; at += 1) await room.read(agent, bringing(8 * MIB))
    waiting.push(room.waiting('d', work))
    const { letGo } = await room.read('d', bringing(1))
    assert.equal(await room.waiting('d', work), undefined)
    letGo()
    waiting.push(room.waiting('d', work))
    end()
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['done']))
  })
})
