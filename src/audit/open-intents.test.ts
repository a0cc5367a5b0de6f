import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { IntentEntry } from './entries.ts'
import { OpenIntents } from './open-intents.ts'

const owner = { forget: () => {}, closeUnsent: () => {} }
const pieces = { head: '', mid: '', tail: '', end: '' }
const entry = (rid: string, seq: number) => {
  const made = new IntentEntry(
    rid,
    pieces,
    0,
    owner,
    () => {},
    () => {},
  )
  made.seq = seq
  return made
}

describe('OpenIntents', () => {
  test('finds what is open and nothing else, also among ids that end alike', () => {
    const open = new OpenIntents()
    const rids = ['call_a000001', 'call_b000001', 'call_c000001', '1', ''].flatMap((rid) => [rid, `x${rid}`])
    for (const [at, rid] of rids.entries()) open.add(entry(rid, at))
    for (const rid of rids) assert.equal(open.get(rid)?.rid, rid)
    assert.equal(open.get('call_d000001'), undefined)
    for (const [at, rid] of rids.entries()) {
      open.remove(rid)
      open.remove(rid)
      for (const [place, other] of rids.entries()) assert.equal(open.get(other)?.rid, place > at ? other : undefined)
    }
  })

  test('tells the lowest place, of those that have one', () => {
    const open = new OpenIntents()
    assert.equal(open.lowest(), undefined)
    for (const seq of [7, 5, 9, -1]) open.add(entry(`call_${seq}`, seq))
    assert.equal(open.lowest(), 5)
    open.remove('call_5')
    assert.equal(open.lowest(), 7)
    open.remove('call_7')
    open.remove('call_9')
    assert.equal(open.lowest(), undefined, 'one that waits for its group has no place yet')
  })
})
