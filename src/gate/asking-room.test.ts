import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AskingRoom } from './asking-room.ts'

/** Work that ends when it is told to. */
function works() {
  const ends: (() => void)[] = []
  const work = () => new Promise<'done'>((resolve) => ends.push(() => resolve('done')))
  const end = () => {
    for (const one of ends.splice(0)) one()
  }
  return { work, end }
}

describe('the room for asking', () => {
  test('takes four bodies of an agent at once, 32 of all, and others once those are in', async () => {
    const room = new AskingRoom()
    const { work, end } = works()
    const agents = Array.from({ length: 8 }, (_, at) => `agent_${at}`)
    const going = agents.flatMap((agent) => Array.from({ length: 4 }, () => room.reading(agent, work)))
    await assert.rejects(room.reading('agent_0', work), { code: 'too_many_in_flight' })
    await assert.rejects(room.reading('agent_9', work), { code: 'too_many_in_flight' })
    end()
    assert.deepEqual(new Set(await Promise.all(going)), new Set(['done']))
    const again = room.reading('agent_9', work)
    end()
    assert.equal(await again, 'done')
  })

  test('frees the place of a body that could not be read', async () => {
    const room = new AskingRoom()
    for (let at = 0; at < 10; at += 1) {
      await assert.rejects(
        room.reading('a', () => Promise.reject(new Error('broke'))),
        /broke/,
      )
    }
  })

  test('keeps sixteen callers of an agent waiting, and 256 MiB of all', async () => {
    const room = new AskingRoom()
    const { work, end } = works()
    const small = Array.from({ length: 16 }, () => room.waiting('a', 1, work))
    assert.equal(await room.waiting('a', 1, work), undefined)
    const large = Array.from({ length: 25 }, (_, at) => room.waiting(`b${at}`, 10 * 1024 * 1024, work))
    assert.equal(await room.waiting('c', 10 * 1024 * 1024, work), undefined)
    end()
    assert.deepEqual(new Set(await Promise.all([...small, ...large])), new Set(['done']))
    const again = room.waiting('c', 10 * 1024 * 1024, work)
    end()
    assert.equal(await again, 'done')
  })
})
