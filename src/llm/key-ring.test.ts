import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../ground/clock.ts'
import type { AgentId, CredentialId } from '../ground/ids.ts'
import type { Key } from './contract.ts'
import { KeyRing, REST_MS } from './key-ring.ts'

const keyOf = (name: string, tag?: string, vendor = 'openai'): Key => ({
  ...{
    id: `crd_${name}` as CredentialId,
    handle: name,
    vendor,
    service: vendor,
    region: undefined,
    tag,
    label: undefined,
    createdAt: 0,
  },
})

function ringOf(...keys: Key[]) {
  const clock = new SetClock()
  const ring = new KeyRing(clock)
  ring.replace(keys)
  const names = (tags: string[] = [], anyKey = false) =>
    ring.choose('openai', { agent: 'agent_a' as AgentId, tags, anyKey }).map(({ handle }) => handle)
  return { ring, clock, names }
}

describe('KeyRing.choose()', () => {
  test('gives keys of the first tag that has one, then those without a tag, each their turn', () => {
    const { names } = ringOf(keyOf('a', 'x'), keyOf('b', 'x'), keyOf('c', 'y'), keyOf('d'))
    assert.deepEqual(
      [names(['x', 'y']), names(['x', 'y'])],
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
    )
    assert.deepEqual(names(['y']), ['c'])
    assert.deepEqual(names(['z']), ['d'])
    assert.deepEqual(names(), ['d'])
  })

  test('gives no key with a tag to whoever lacks it, but where any will do', () => {
    const { names } = ringOf(keyOf('a', 'x'), keyOf('other', undefined, 'groq'))
    assert.deepEqual([names(), names(['y']), names([], true)], [[], [], ['a']])
  })

  test('leaves out what rests, until it has rested', () => {
    const { ring, clock, names } = ringOf(keyOf('a'), keyOf('b'))
    ring.rest('crd_a' as CredentialId, undefined)
    assert.deepEqual([names(), names()], [['b'], ['b']])
    clock.advance(REST_MS)
    assert.deepEqual(names().length, 2)
    ring.rest('crd_a' as CredentialId, 5_000)
    clock.advance(4_999)
    assert.deepEqual(names(), ['b'])
    clock.advance(1)
    assert.deepEqual(names().length, 2)
  })

  test('leaves out what was set aside until somebody took it back', () => {
    const { ring, clock, names } = ringOf(keyOf('a'))
    ring.setAside('crd_a' as CredentialId, 401)
    clock.advance(REST_MS * 100)
    assert.deepEqual(names(), [])
    ring.takeBack('crd_a' as CredentialId)
    assert.deepEqual(names(), ['a'])
  })

  test('holds a key back from one bot, for so long, and gives it to others', () => {
    const { ring, clock, names } = ringOf(keyOf('a'), keyOf('b'))
    const id = 'crd_a' as CredentialId
    const other = () => ring.choose('openai', { agent: 'agent_b' as AgentId, tags: [], anyKey: false }).length
    ring.stay('agent_a', keyOf('a'))
    ring.holdFrom(id, 'agent_a', 5_000)
    assert.deepEqual([names(), names(), other(), ring.heldFrom(id)], [['b'], ['b'], 2, ['agent_a']])
    clock.advance(5_000)
    assert.deepEqual([names(), ring.heldFrom(id)], [['a'], []])
    ring.holdFrom(id, 'agent_a', 5_000)
    ring.takeBack(id)
    assert.deepEqual(names(), ['a'])
  })

  test('stays with a key that a human was asked about, as long as it may be used', () => {
    const { ring, names } = ringOf(keyOf('a'), keyOf('b'), keyOf('c', 'x'))
    ring.stay('agent_a', keyOf('b'))
    assert.deepEqual([names(), names()], [['b'], ['b']])
    ring.rest('crd_b' as CredentialId, undefined)
    assert.deepEqual(names(), ['a'])
    ring.stay('agent_a', keyOf('c', 'x'))
    assert.deepEqual([names(), names(['x'])], [['a'], ['c']])
  })

  test('goes on where it was, when it is told its turns', () => {
    const one = ringOf(keyOf('a'), keyOf('b'))
    one.names()
    const other = ringOf(keyOf('a'), keyOf('b'))
    other.ring.setTurns(one.ring.takeMoved())
    assert.deepEqual(other.names(), ['b', 'a'])
    assert.equal(one.ring.takeMoved().size, 0)
  })

  test('believes what may be about a bot once another met with it too, within ten minutes', () => {
    const { ring, clock } = ringOf(keyOf('a'))
    const id = 'crd_a' as CredentialId
    assert.deepEqual([ring.isDoubted(id, 'agent_a'), ring.isDoubted(id, 'agent_a')], [false, false])
    assert.equal(ring.isDoubted(id, 'agent_b'), true)
    clock.advance(600_000)
    assert.equal(ring.isDoubted(id, 'agent_b'), false)
    assert.equal(ring.isDoubted(id, 'agent_a'), true)
    ring.takeBack(id)
    assert.equal(ring.isDoubted(id, 'agent_c'), false)
  })
})
