import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addressSpellings } from './addresses.ts'
import { hostileBodies } from './bodies.ts'
import { framings } from './framing.ts'
import { foreignHosts, headerSpellings } from './header-spellings.ts'
import { hostileStrings } from './hostile-strings.ts'
import { seeded } from './seeded.ts'

const place = { path: '/to/u/n', host: 'localhost', headers: 'Authorization: Bearer x\r\n' }

describe('the generators', () => {
  test('give the same list for the same seed and another for another', () => {
    const make = (seed: number) => [
      framings(place, seed),
      hostileStrings(seed, 800),
      hostileBodies(seed, ['a'], '{"a":1}'),
    ]
    assert.deepEqual(make(7), make(7))
    assert.notDeepEqual(make(7), make(8))
  })

  test('give at least what the test programme asks for, without repeats', () => {
    const distinct = (list: readonly unknown[]): number => new Set(list.map((item) => JSON.stringify(item))).size
    assert.ok(distinct(framings(place, 1).map(({ bytes }) => bytes.toString('latin1').replace(/n-\d+-/g, ''))) >= 500)
    assert.ok(distinct(addressSpellings().map(({ host }) => host)) >= 100)
    assert.ok(distinct(hostileStrings(1)) >= 300)
    assert.ok(distinct(hostileBodies(1, ['service', 'method', 'path'], '{"service":"a"}')) >= 1_000)
    assert.ok(distinct(headerSpellings(['Authorization', 'X-Api-Key'], 'v')) >= 40)
    assert.ok(distinct(foreignHosts(4317)) >= 20)
  })

  test('draw evenly enough that no choice is left out', () => {
    const random = seeded(1)
    const drawn = new Set(Array.from({ length: 1_000 }, () => random.below(16)))
    assert.equal(drawn.size, 16)
  })
})
