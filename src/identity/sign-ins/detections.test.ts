import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../../ground/clock.ts'
import { dormantAgent } from './dormant.ts'
import { BURST_WINDOW_MS, failureBurst, RecentFailures } from './failure-burst.ts'
import type { Location } from './geoip.ts'
import { newNetwork } from './new-network.ts'
import type { Past, Place, Sighting } from './place.ts'
import { Repeats } from './repeats.ts'
import { keyReuse, refreshReuse } from './reuse.ts'
import { distanceKm, geographicAnomaly, impossibleTravel } from './travel.ts'

const now = Date.UTC(2026, 5, 1, 12)
const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]

const at = (country: string, latitude?: number, longitude?: number, radiusKm = 10): Location =>
  latitude === undefined || longitude === undefined
    ? { country }
    : { country, point: { latitude, longitude, radiusKm } }
const berlin = at('DE', 52.52, 13.4)
const potsdam = at('DE', 52.4, 13.06)
const munich = at('DE', 48.14, 11.58)
const newYork = at('US', 40.71, -74.01)
const sydney = at('AU', -33.87, 151.21)

function placeOf(network: string, agoMs: number, location?: Location, firstAgoMs = agoMs): Place {
  return { network, firstAt: now - firstAgoMs, lastAt: now - agoMs, location }
}

function past(...places: Place[]): Past {
  return { places: new Map(places.map((place) => [place.network, place])), last: places.at(-1) }
}

const seen = (network: string, location?: Location): Sighting => ({ at: now, network, location })

describe('geographicAnomaly()', () => {
  const table: readonly (readonly [string, Place | undefined, Location | undefined, number | undefined])[] = [
    ['another country after 5 minutes', placeOf('a', 5 * minute, at('US')), at('CN'), 300],
    ['another country at once', placeOf('a', 0, at('US')), at('CN'), 0],
    ['another country after an hour to the second', placeOf('a', hour, at('US')), at('CN'), 3_600],
    ['another country after more than an hour', placeOf('a', hour + second, at('US')), at('CN'), undefined],
    ['the clock was set back in between', placeOf('a', -5 * minute, at('US')), at('CN'), 0],
    ['the same country', placeOf('a', minute, at('US')), at('US'), undefined],
    ['an unknown country before', placeOf('a', minute), at('CN'), undefined],
    ['an unknown country now', placeOf('a', minute, at('US')), undefined, undefined],
    ['the first success', undefined, at('CN'), undefined],
  ]
  for (const [name, previous, location, timeDelta] of table) {
    test(`${name}: ${timeDelta === undefined ? 'nothing' : 'found'}`, () => {
      const found = geographicAnomaly(previous, seen('b', location))
      const details = { previousLocation: 'US', currentLocation: 'CN', timeDelta }
      assert.deepEqual(found?.details, timeDelta === undefined ? undefined : details)
      if (found) assert.deepEqual([found.type, found.riskScore], ['geographic_anomaly', 8.5])
    })
  }
})

describe('impossibleTravel()', () => {
  const table: readonly (readonly [string, Place | undefined, Location | undefined, boolean])[] = [
    ['Berlin to New York in 3 hours', placeOf('a', 3 * hour, berlin), newYork, true],
    ['Berlin to New York in 9 hours', placeOf('a', 9 * hour, berlin), newYork, false],
    ['Berlin to Sydney in 10 hours', placeOf('a', 10 * hour, berlin), sydney, true],
    ['Berlin to Munich in 20 minutes, one country', placeOf('a', 20 * minute, berlin), munich, true],
    ['Berlin to Munich in an hour', placeOf('a', hour, berlin), munich, false],
    ['Berlin to Potsdam at once: databases are no more exact', placeOf('a', 0, berlin), potsdam, false],
    [
      'far apart, but neither is known well',
      placeOf('a', minute, at('US', 38, -97, 1_000)),
      at('US', 33, -110, 1_000),
      false,
    ],
    ['no coordinates before', placeOf('a', minute, at('DE')), newYork, false],
    ['no coordinates now', placeOf('a', minute, berlin), at('US'), false],
    ['the first success', undefined, newYork, false],
    ['the clock was set back', placeOf('a', -hour, berlin), newYork, true],
  ]
  for (const [name, previous, location, wanted] of table) {
    test(`${name}: ${wanted ? 'found' : 'nothing'}`, () => {
      const found = impossibleTravel(previous, seen('b', location))
      assert.equal(found?.type, wanted ? 'impossible_travel' : undefined)
      for (const value of Object.values(found?.details ?? {})) {
        assert.ok(typeof value === 'string' || Number.isSafeInteger(value))
      }
    })
  }

  test('measures along the great circle', () => {
    const km = (a: Location, b: Location) => distanceKm(a.point!, b.point!)
    assert.ok(Math.abs(km(berlin, newYork) - 6_385) < 15)
    assert.ok(Math.abs(km(berlin, sydney) - 16_094) < 40)
    assert.equal(km(berlin, berlin), 0)
    assert.ok(Math.abs(km(at('FJ', -17, 179.9), at('FJ', -17, -179.9)) - 21) < 1, 'over the date line')
    assert.ok(Math.abs(km(at('AQ', 90, 0), at('AQ', -90, 0)) - Math.PI * 6_371) < 1)
  })
})

describe('newNetwork()', () => {
  const learnt = placeOf('home', hour, at('DE'), 30 * day)
  const table: readonly (readonly [string, Past, Sighting, number, number | undefined])[] = [
    ['the first success of all', past(), seen('home', at('DE')), 7, undefined],
    ['a network it knows', past(learnt), seen('home', at('DE')), 7, undefined],
    ['a new network in a country it knows', past(learnt), seen('away', at('DE')), 7, 3],
    ['a new network in a new country', past(learnt), seen('away', at('FR')), 7, 5],
    ['a new network somewhere', past(learnt), seen('away'), 7, 3],
    ['while it is learnt', past(placeOf('home', hour, at('DE'), 6 * day)), seen('away', at('FR')), 7, undefined],
    ['on the day it is learnt', past(placeOf('home', hour, at('DE'), 7 * day)), seen('away', at('FR')), 7, 5],
    ['without learning', past(placeOf('home', 0)), seen('away'), 0, 3],
  ]
  for (const [name, before, sighting, learningDays, riskScore] of table) {
    test(`${name}: ${riskScore ?? 'nothing'}`, () => {
      const found = newNetwork(before, sighting, learningDays * day)
      assert.equal(found?.riskScore, riskScore)
      if (found) assert.deepEqual([found.type, found.details.network], ['new_network', 'away'])
    })
  }
})

describe('dormantAgent()', () => {
  const table: readonly (readonly [string, Place | undefined, number, number | undefined])[] = [
    ['back after 90 days', placeOf('home', 90 * day), 90, 5],
    ['back after 90 days elsewhere', placeOf('away', 90 * day), 90, 7],
    ['a second too early', placeOf('home', 90 * day - second), 90, undefined],
    ['by another setting', placeOf('home', 30 * day), 30, 5],
    ['switched off', placeOf('home', 900 * day), 0, undefined],
    ['the first success', undefined, 90, undefined],
  ]
  for (const [name, previous, days, riskScore] of table) {
    test(`${name}: ${riskScore ?? 'nothing'}`, () => {
      assert.equal(dormantAgent(previous, seen('home'), days)?.riskScore, riskScore)
    })
  }
})

describe('failureBurst()', () => {
  const failures = (...times: number[]) => times.map((time, i) => ({ at: time, from: `203.0.113.${i % 2}` }))
  const table: readonly (readonly [string, number[], boolean])[] = [
    ['five at once', [0, 0, 0, 0, 0], true],
    ['five within five minutes', [1, 60_000, 120_000, 180_000, 300_000], true],
    ['the first of five is too old', [0, 60_000, 120_000, 180_000, 300_000], false],
    ['four', [0, 0, 0, 0], false],
    ['none', [], false],
  ]
  for (const [name, times, wanted] of table) {
    test(`${name}: ${wanted ? 'found' : 'nothing'}`, () => {
      const found = failureBurst(failures(...times), times.at(-1) ?? 0)
      assert.deepEqual(found?.details, wanted ? { failures: 5, windowSeconds: 300, addresses: 2 } : undefined)
    })
  }

  test('weighs more from several addresses', () => {
    const from = (...addresses: string[]) =>
      failureBurst(
        addresses.map((one) => ({ at: 0, from: one })),
        0,
      )?.riskScore
    assert.ok(from('a', 'a', 'a', 'a', 'b')! > from('a', 'a', 'a', 'a', 'a')!)
  })

  test('is found at the fifth, then at the tenth, and agents are counted apart', () => {
    const clock = new SetClock()
    const recent = new RecentFailures(clock)
    const found = Array.from({ length: 12 }, (_, i) => {
      clock.advance(second)
      recent.add(`other_${i}`, 'x')
      return recent.add('agent_1', 'x') !== undefined
    })
    assert.deepEqual(
      found.flatMap((one, i) => (one ? [i + 1] : [])),
      [5, 10],
    )
    clock.advance(BURST_WINDOW_MS)
    for (let i = 0; i < 4; i += 1) assert.equal(recent.add('agent_1', 'x'), undefined)
    assert.ok(recent.add('agent_1', 'x'))
  })

  test('remembers a bounded number of agents', () => {
    const recent = new RecentFailures(new SetClock())
    for (let i = 0; i < 100_000; i += 1) recent.add(`agent_${i}`, 'x')
    assert.equal(recent.size, 16_384)
  })
})

describe('keyReuse() and refreshReuse()', () => {
  test('name the agents that share a key, and nothing where there are none', () => {
    assert.equal(keyReuse('thumb', []), undefined)
    assert.deepEqual(keyReuse('thumb', ['agent_1', 'agent_2'])?.details, {
      thumbprint: 'thumb',
      agents: 'agent_1 agent_2',
    })
    const many = keyReuse(
      'thumb',
      Array.from({ length: 1_000 }, (_, i) => `agent_${i}`),
    )
    assert.equal(String(many?.details.agents).split(' ').length, 10)
  })

  test('name the family, and the address where it is kept', () => {
    assert.deepEqual(refreshReuse('ses_1', undefined).details, { family: 'ses_1' })
    assert.deepEqual(refreshReuse('ses_1', '203.0.113.0/24').details, { family: 'ses_1', address: '203.0.113.0/24' })
  })
})

describe('Repeats', () => {
  test('tells the same about the same once an hour, or as often as its detection says', () => {
    const clock = new SetClock()
    const repeats = new Repeats(clock)
    const found = { type: 'geographic_anomaly', riskScore: 8.5, details: {}, about: 'US CN' } as const
    const isNew = (agent: string, more: object = {}) => repeats.isNew(agent, { ...found, ...more })
    assert.ok(isNew('a'))
    assert.ok(!isNew('a'))
    assert.ok(isNew('b'))
    assert.ok(isNew('a', { about: 'CN US' }))
    assert.ok(isNew('a', { type: 'new_network' }))
    clock.advance(hour - 1)
    assert.ok(!isNew('a'))
    assert.ok(isNew('a', { quietMs: minute }))
    clock.advance(hour)
    assert.ok(isNew('a'))
  })
})
