import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runSeed } from '../../../test/generators/seeded.ts'
import {
  agreementOf,
  bandOf,
  type CountedReport,
  groupWeightOf,
  mostWeight,
  toOneDecimal,
  trustBands,
  trustScore,
} from './trust-score.ts'

const DAY_MS = 86_400_000
const now = Date.UTC(2026, 0, 1)
const full = () => 1

function report(score: number, { ageDays = 0, group = 'acme', id = 'rpt_1' } = {}): CountedReport {
  return { id, group, score, at: now - ageDays * DAY_MS }
}

describe('trustScore()', () => {
  test('gives the check values', () => {
    const cases: readonly (readonly [string, readonly CountedReport[], number])[] = [
      ['a new agent', [], 5],
      ['one report 9.0 today', [report(9)], 5.7],
      ['one report 0.0 today', [report(0)], 4.2],
      ['the first after 30 days', [report(9, { ageDays: 30 })], 5.4],
      ['a report from a clock that runs ahead', [report(9, { ageDays: -30 })], 5.7],
    ]
    for (const [name, reports, score] of cases) assert.equal(trustScore(reports, full, now).score, score, name)
  })

  test('is neutral about an agent of whom nobody has reported, and is sure of nothing', () => {
    assert.deepEqual(trustScore([], full, now), { score: 5, band: 'Neutral', samples: 0, confidence: 0 })
  })

  test('counts as samples what is younger than 180 days, and says how much it rests on', () => {
    const reports = [0, 179.9, 180, 400].map((ageDays, at) => report(9, { ageDays, id: `rpt_${at}` }))
    const { samples, confidence } = trustScore(reports, full, now)
    assert.equal(samples, 2)
    const weight = [0, 179.9, 180, 400].reduce((sum, days) => sum + 0.5 ** (days / 30), 0)
    assert.equal(confidence.toFixed(12), (weight / (weight + 5)).toFixed(12))
    assert.equal(trustScore([report(9)], full, now).confidence.toFixed(12), (1 / 6).toFixed(12))
  })

  test('gives one owner a quarter, however many services and reports it has', () => {
    const many = (score: number, count: number) =>
      Array.from({ length: count }, (_, at) => report(score, { id: `rpt_${at}` }))
    assert.equal(trustScore(many(10, 1_000), full, now).score, 6.3) // (5·5 + 5/3·10) / (5 + 5/3) = 6.25
    assert.equal(trustScore(many(0, 1_000), full, now).score, 3.8) // 3.75, half up
    assert.equal(trustScore(many(10, 1_000), full, now).confidence.toFixed(12), '0.250000000000')
    const other = report(0, { group: 'other', id: 'rpt_other' })
    // T = (5 + 1) / (3/4) = 8: 2 for the many, 1 for the other.
    assert.equal(trustScore([...many(10, 1_000), other], full, now).score, toOneDecimal((25 + 20 + 0) / 8))
  })
})

describe('groupWeightOf()', () => {
  test('grows with age and agreement, between 0.1 and 1', () => {
    const cases = [
      [0, 1, 0.1],
      [-1, 1, 0.1],
      [9, 1, 0.1],
      [45, 1, 0.5],
      [90, 1, 1],
      [9_000, 1, 1],
      [90, 0.6, 0.6],
      [45, 0.6, 0.3],
      [90, 0, 0.1],
    ] as const
    for (const [ageDays, agreement, weight] of cases) {
      assert.equal(groupWeightOf(ageDays, agreement).toFixed(12), weight.toFixed(12), `${ageDays} ${agreement}`)
    }
  })
})

describe('agreementOf()', () => {
  test('is the mean distance from what was thought before, turned round', () => {
    const said = (score: number, scoreBefore: number) => ({ score, scoreBefore })
    assert.equal(agreementOf([]), 1)
    assert.equal(agreementOf([said(5, 5)]), 1)
    assert.equal(agreementOf([said(9, 5)]), 0.6)
    assert.equal(agreementOf([said(10, 0), said(0, 10)]), 0)
    assert.equal(agreementOf([said(9, 5), said(5, 5)]), 0.8)
  })
})

describe('bandOf()', () => {
  test('has half-open bands', () => {
    const cases = [
      [0, 'High Risk'],
      [2.9, 'High Risk'],
      [3, 'Low Trust'],
      [4.9, 'Low Trust'],
      [5, 'Neutral'],
      [6.9, 'Neutral'],
      [7, 'High Trust'],
      [8.9, 'High Trust'],
      [9, 'Excellent'],
      [10, 'Excellent'],
    ] as const
    for (const [score, band] of cases) assert.equal(bandOf(score), band, String(score))
  })
})

describe('toOneDecimal()', () => {
  test('rounds half up, also where binary lies a hair below the half', () => {
    const cases = [
      [5.25, 5.3],
      [5.35, 5.4],
      [1.005, 1],
      [8.05, 8.1],
      [5.2499, 5.2],
      [0.05, 0.1],
      [0, 0],
      [10, 10],
    ] as const
    for (const [value, rounded] of cases) assert.equal(toOneDecimal(value), rounded, String(value))
  })
})

describe('trustScore(), for any reports', () => {
  const seed = runSeed('trust')
  const holds = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void) =>
    fc.assert(fc.property(arbitrary, property), { seed, numRuns: 300 })
  const groups = ['acme', 'globex', 'initech', 'umbrella', 'hooli', 'stark']
  const reports = fc.uniqueArray(
    fc.record({
      id: fc.stringMatching(/^rpt_[0-9a-z]{1,4}$/),
      group: fc.constantFrom(...groups),
      score: fc.double({ min: 0, max: 10, noNaN: true }),
      at: fc.integer({ min: now - 400 * DAY_MS, max: now }),
    }),
    { maxLength: 80, selector: ({ id }) => id },
  )
  const weights = fc
    .array(fc.double({ min: 0.1, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 })
    .map((each) => (group: string) => each[groups.indexOf(group)]!)

  test('says the same again, and the same of any order', () => {
    const shuffled = fc.tuple(reports, weights).chain(([all, weight]) =>
      fc.record({
        all: fc.constant(all),
        weight: fc.constant(weight),
        mixed: fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
      }),
    )
    holds(shuffled, ({ all, weight, mixed }) => {
      assert.deepEqual(trustScore(mixed, weight, now), trustScore(all, weight, now))
    })
  })

  test('lies within 0 and 10 with one decimal, in the band that it says', () => {
    holds(fc.tuple(reports, weights), ([all, weight]) => {
      const { score, band, samples, confidence } = trustScore(all, weight, now)
      assert.ok(score >= 0 && score <= 10)
      assert.equal(score, Number(score.toFixed(1)))
      assert.equal(band, bandOf(score))
      assert.ok(trustBands.includes(band))
      assert.ok(samples <= all.length)
      assert.ok(confidence >= 0 && confidence < 1)
    })
  })

  test('moves by no more than a quarter of the scale at the will of one owner', () => {
    holds(fc.tuple(reports, weights, fc.constantFrom(...groups)), ([all, weight, owner]) => {
      const saying = (score: number) => all.map((one) => (one.group === owner ? { ...one, score } : one))
      const moved = trustScore(saying(10), weight, now).score - trustScore(saying(0), weight, now).score
      assert.ok(moved >= 0 && moved <= 2.5 + 0.1 + 1e-9, String(moved))
    })
  })

  test('follows a report: a better one never lowers it', () => {
    holds(fc.tuple(reports, weights, fc.nat()), ([all, weight, at]) => {
      const better = all.map((one, index) => (index === at % all.length ? { ...one, score: 10 } : one))
      assert.ok(trustScore(better, weight, now).score >= trustScore(all, weight, now).score)
    })
  })

  test('forgets: what nobody repeats fades towards 5', () => {
    holds(fc.tuple(reports, weights), ([all, weight]) => {
      assert.equal(trustScore(all, weight, now + 3_000 * DAY_MS).score, 5)
    })
  })
})

describe('mostWeight()', () => {
  test('is a quarter of the total that it makes itself', () => {
    const weights = fc.array(fc.double({ min: 0, max: 1_000, noNaN: true }), { maxLength: 30 })
    const quarter = (each: readonly number[]) => {
      const most = mostWeight(each)
      const total = each.reduce((sum, weight) => sum + Math.min(weight, most), 5)
      assert.ok(Math.abs(most - total / 4) <= 1e-9 * total, `${most} of ${total}`)
    }
    fc.assert(fc.property(weights, quarter), { seed: runSeed('most weight'), numRuns: 1_000 })
  })

  test('caps a lone group at a third of the prior', () => {
    assert.equal(mostWeight([100]).toFixed(12), (5 / 3).toFixed(12))
    assert.equal(mostWeight([]).toFixed(12), (5 / 4).toFixed(12))
  })
})
